"""`gitops-agent get applications|notifiers|rolloutpolicies [NAME]`: prints our resources."""

from __future__ import annotations

import click
from click.core import ParameterSource

from gitops_agent.api.conditions import condition_of
from gitops_agent.cli import output as out
from gitops_agent.cli.status import summary
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError

_KINDS = {
    "applications": "Application",
    "application": "Application",
    "apps": "Application",
    "app": "Application",
    "gapp": "Application",
    "notifiers": "Notifier",
    "notifier": "Notifier",
    "ntf": "Notifier",
    "rolloutpolicies": "RolloutPolicy",
    "rolloutpolicy": "RolloutPolicy",
    "rop": "RolloutPolicy",
}


@click.command()
@click.argument("kind")
@click.argument("name", required=False)
@out.output_option
@out.cluster_options
def get(kind: str, name: str | None, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print Applications, Notifiers or RolloutPolicies, as a table or as documents.

    KIND is application(s), app, notifier(s), ntf, rolloutpolicy, rolloutpolicies or rop. RolloutPolicies live in the namespaces
    of their workloads, so those of all namespaces are printed unless --namespace is given; NAME may be `namespace/name`.
    """
    if kind.lower() not in _KINDS:
        raise UsageError(f"there is no kind {kind} to get: say applications (app), notifiers (ntf) or rolloutpolicies (rop)")
    kind = _KINDS[kind.lower()]
    access = ClusterClient.open(kubeconfig, context, namespace)
    if kind == "RolloutPolicy":
        _rollouts(access, name, namespace if _is_given("namespace") else "", output)
        return
    resources = [access.one(kind, name)] if name else access.listed(kind)
    if output == "name":
        for obj in resources:
            click.echo(out.resource_name(kind, obj["metadata"]["name"]))
    elif output in ("json", "yaml"):
        out.document(resources[0] if name else resources, output)
    elif not resources:
        out.talk(f"there are no {kind}s in namespace {namespace}")
    elif kind == "Application":
        rows = [(s["name"], s["ready"], s["sync"], s["health"], s["applied"], s["message"]) for s in map(summary, resources)]
        out.table(("application", "ready", "sync", "health", "revision", "message"), rows)
    else:
        listed = []
        for obj in resources:
            ready, spec, status = condition_of(obj, "Ready"), obj["spec"], obj.get("status") or {}
            waiting = str(len(status.get("pending") or []))
            message = str(ready.get("message") or "")
            listed.append((obj["metadata"]["name"], spec["provider"], str(ready.get("status") or "Unknown"), waiting, message))
        out.table(("notifier", "provider", "ready", "pending", "message"), listed)


def _rollouts(access: ClusterClient, name: str | None, namespace: str, output: str) -> None:
    from gitops_agent.cli.rollout.lookup import every, find
    from gitops_agent.cli.rollout.view import HEADERS, row

    rollouts = [find(access, name, namespace)] if name else every(access, namespace)
    if output == "name":
        for rollout in rollouts:
            click.echo(out.resource_name("RolloutPolicy", rollout.key.name))
    elif output in ("json", "yaml"):
        out.document(rollouts[0].raw if name else [rollout.raw for rollout in rollouts], output)
    elif rollouts:
        out.table(HEADERS, [row(rollout) for rollout in rollouts])
    else:
        out.talk(f"there are no RolloutPolicies{f' in namespace {namespace}' if namespace else ''}")


def _is_given(option: str) -> bool:
    """Whether an option was given on the command line."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE
