"""`gitops-agent get applications|notifiers [NAME]`: the resources themselves."""

from __future__ import annotations

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.access import Access
from gitops_agent.cli.status import condition, summary
from gitops_agent.errors import UsageError

_KINDS = {
    "applications": "Application",
    "application": "Application",
    "apps": "Application",
    "app": "Application",
    "notifiers": "Notifier",
    "notifier": "Notifier",
    "ntf": "Notifier",
}


@click.command()
@click.argument("kind")
@click.argument("name", required=False)
@out.output_option
@out.cluster_options
def get(kind: str, name: str | None, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print Applications or Notifiers, as a table or as documents.

    KIND is application(s), app, notifier(s) or ntf.
    """
    if kind.lower() not in _KINDS:
        raise UsageError(f"there is no kind {kind} to get: say applications (app) or notifiers (ntf)")
    kind = _KINDS[kind.lower()]
    access = Access.open(kubeconfig, context, namespace)
    found = [access.one(kind, name)] if name else access.listed(kind)
    if output == "name":
        for obj in found:
            click.echo(f"{kind.lower()}/{obj['metadata']['name']}")
    elif output in ("json", "yaml"):
        out.document(found[0] if name else found, output)
    elif not found:
        out.talk(f"there are no {kind}s in namespace {namespace}")
    elif kind == "Application":
        rows = [(s["name"], s["sync"], s["health"], s["applied"], s["message"]) for s in map(summary, found)]
        out.table(("application", "sync", "health", "revision", "message"), rows)
    else:
        rows = []
        for obj in found:
            ready, spec, status = condition(obj, "Ready"), obj["spec"], obj.get("status") or {}
            waiting = str(len(status.get("pending") or []))
            message = str(ready.get("message") or "")
            rows.append((obj["metadata"]["name"], spec["provider"], str(ready.get("status") or "Unknown"), waiting, message))
        out.table(("notifier", "provider", "ready", "pending", "message"), rows)
