"""`gitops-agent get applications|notifiers|rolloutpolicies [NAME]`: prints our resources."""

from __future__ import annotations

import click
from click.core import ParameterSource

from gitops_agent.api.application_row import summary
from gitops_agent.api.conditions import condition_of
from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.selection import Selection, selection_options
from gitops_agent.cli.wide_table import WideTable, ago
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP

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
_PLURALS = {"Application": "Applications", "Notifier": "Notifiers", "RolloutPolicy": "RolloutPolicies"}


@click.command()
@click.argument("kind", shell_complete=complete.kinds)
@click.argument("name", required=False, shell_complete=complete.resources)
@selection_options
@out.listing_option
@out.cluster_options
def get(
    kind: str,
    name: str | None,
    *,
    selection: Selection,
    output: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Print Applications, Notifiers or RolloutPolicies, as a table or as documents.

    KIND is application(s), app, notifier(s), ntf, rolloutpolicy, rolloutpolicies or rop. RolloutPolicies live in the namespaces
    of their workloads, so those of all namespaces are printed unless --namespace is given; NAME may be `namespace/name`.
    """
    if kind.lower() not in _KINDS:
        raise UsageError(f"there is no kind {kind} to get: say applications (app), notifiers (ntf) or rolloutpolicies (rop)")
    kind = _KINDS[kind.lower()]
    selection.check(name)
    access = ClusterClient.open(kubeconfig, context, namespace)
    if kind == "RolloutPolicy":
        namespace = namespace if _is_given("namespace") and not selection.everywhere else ""
        resources = _policies(access, name, namespace, selection)
    else:
        resources = [access.one(kind, name)] if name else selection.listed(access, kind)

    def listing(shown: list[Object]) -> WideTable:
        namespaces = selection.everywhere and kind != "RolloutPolicy"  # whose names say it already
        return _SHEETS[kind](shown).extended(shown, namespaces=namespaces, wide=output == "wide")

    if selection.watch:
        from gitops_agent.cli.follow import follow

        metadata = resources[0]["metadata"] if name else {"namespace": namespace}
        options = selection.watched(metadata["namespace"], metadata.get("name"))
        follow(access, access.discovery.find(GROUP, kind), options, listing, output=output)
    elif output == "name":
        out.names(kind, resources)
    elif output in ("json", "yaml"):
        out.document(resources[0] if name else resources, output)
    elif not resources:
        out.talk(selection.nothing(_PLURALS[kind], namespace))
    else:
        sheet = listing(resources)
        out.table(sheet.headers, sheet.rows)


def _applications(resources: list[Object]) -> WideTable:
    rows = [(s["name"], s["ready"], s["sync"], s["health"], s["applied"], s["message"]) for s in map(summary, resources)]
    return WideTable(headers=("application", "ready", "sync", "health", "revision", "message"), rows=tuple(rows))


def _notifiers(resources: list[Object]) -> WideTable:
    headers = ("notifier", "provider", "ready", "delivered", "last", "pending", "dropped", "message")
    return WideTable(headers=headers, rows=tuple(map(_notifier, resources)))


def _notifier(obj: Object) -> tuple[str, ...]:
    ready, status = condition_of(obj, "Ready"), obj.get("status") or {}
    return (
        obj["metadata"]["name"],
        obj["spec"]["provider"],
        str(ready.get("status") or "Unknown"),
        str(status.get("delivered") or 0),
        ago(status.get("lastDelivery")),
        str(len(status.get("pending") or [])),
        str(status.get("dropped") or 0),
        str(ready.get("message") or ""),
    )


def _rollout_policies(resources: list[Object]) -> WideTable:
    from gitops_agent.cli.rollout.view import HEADERS, row
    from gitops_agent.rollout.progress import RolloutProgress

    return WideTable(headers=HEADERS, rows=tuple(row(RolloutProgress.of(obj)) for obj in resources))


_SHEETS = {"Application": _applications, "Notifier": _notifiers, "RolloutPolicy": _rollout_policies}


def _policies(access: ClusterClient, name: str | None, namespace: str, selection: Selection) -> list[Object]:
    """RolloutPolicies, worst first."""
    from gitops_agent.operations.rollout_lookup import every, find

    return [
        rollout.raw for rollout in ([find(access, name, namespace)] if name else every(access, namespace, selection.labels))
    ]


def _is_given(option: str) -> bool:
    """Whether an option was given on the command line."""
    return click.get_current_context().get_parameter_source(option) is ParameterSource.COMMANDLINE
