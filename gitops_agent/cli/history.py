"""`gitops-agent history APP`: the last syncs and rollouts of an application."""

from __future__ import annotations

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.selection import watch_option
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.revision_name import short
from gitops_agent.operations.history import entries

_SHORT = 12
_HEADERS = ("when", "revision", "result", "took", "plan", "actor", "message")
_WIDE = ("when", "revision", "result", "took", "lead", "outcome", "plan", "actor", "message")


@click.command()
@click.argument("name", shell_complete=complete.applications)
@watch_option("Print further entries until interrupted, and the newest last.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(out.LISTING_FORMATS),
    default="table",
    show_default=True,
    help="The output format; wide adds lead time and outcome of deployments, name prints commits.",
)
@out.cluster_options
def history(name: str, *, watch: bool, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Show the last syncs and rollouts of an application, newest first.

    The last twenty syncs are kept, and the last ten runs of each rollout. A sync is dated by its start, a rollout by its end.
    The lead time of a deployment is from its commit until it was live; it failed when it was degraded or refused until an hour
    after that, or undone within 24 hours.
    """
    wide = output == "wide"
    if watch and output not in ("table", "wide"):
        raise UsageError("--watch is for tables only")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if watch:
        from gitops_agent.cli.follow import follow_log
        from gitops_agent.cluster.watch import WatchOptions

        def rows(live: list[Object]) -> list[tuple[str, ...]]:
            return [_row(entry, wide=wide) for obj in live for entry in reversed(_entries(access, obj))]

        options = WatchOptions(namespace=namespace, field_selector=f"metadata.name={name}")
        follow_log(access, access.discovery.find(GROUP, "Application"), options, _WIDE if wide else _HEADERS, rows)
    listed = _entries(access, application)
    if output in ("json", "yaml"):
        out.document(listed, output)
    elif output == "name":
        for entry in listed:
            click.echo(entry["revision"])
    elif listed:
        out.table(_WIDE if wide else _HEADERS, [_row(entry, wide=wide) for entry in listed])
    else:
        out.talk(f"nothing of {name} was synced yet")


def _entries(access: ClusterClient, application: Object) -> list[Object]:
    listed, problem = entries(access, application)
    if problem:
        out.talk(out.line(f"not every rollout can be read: {problem}"))
    return listed


def _row(entry: Object, *, wide: bool) -> tuple[str, ...]:
    message = str(entry.get("message", ""))
    if entry.get("approved"):
        by = f" by {entry['approver']}" if entry.get("approver") else ""
        message = f"approved{by} ({entry['approved'][:_SHORT]}): {message}"
    if entry.get("rollout"):
        message = f"rollout {entry['rollout']}: {entry['hash']}" + (f", {message}" if message else "")
    return (
        str(entry.get("started") or entry.get("ended") or ""),
        short(str(entry.get("revision", ""))),
        str(entry.get("result", "")),
        str(entry.get("duration", "")),
        *(_delivered(entry) if wide else ()),
        str(entry.get("plan", ""))[:_SHORT],
        str(entry.get("actor", "")),
        message,
    )


def _delivered(entry: Object) -> tuple[str, str]:
    """Lead time and outcome of a deployment; empty for what is none."""
    from datetime import timedelta

    from gitops_agent.api.durations import format_duration
    from gitops_agent.operations.delivery import lead_seconds, result_of

    lead, outcome = lead_seconds(entry), "" if entry.get("returned") else result_of(entry)
    failure = f" ({entry['failure']})" if outcome == "failed" and entry.get("failure") else ""
    words = {"rolledBack": "rolled back"}.get(outcome, outcome)
    return format_duration(timedelta(seconds=lead)) if lead is not None else "", f"{words}{failure}"
