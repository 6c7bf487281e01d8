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


@click.command()
@click.argument("name", shell_complete=complete.applications)
@watch_option("Print further entries until interrupted, and the newest last.")
@out.output_option
@out.cluster_options
def history(name: str, *, watch: bool, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Show the last syncs and rollouts of an application, newest first.

    The last twenty syncs are kept, and the last ten runs of each rollout. A sync is dated by its start, a rollout by its end.
    """
    if watch and output != "table":
        raise UsageError("--watch is for tables only")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if watch:
        from gitops_agent.cli.follow import follow_log
        from gitops_agent.cluster.watch import WatchOptions

        def rows(live: list[Object]) -> list[tuple[str, ...]]:
            return [_row(entry) for one in live for entry in reversed(_entries(access, one))]

        options = WatchOptions(namespace=namespace, field_selector=f"metadata.name={name}")
        follow_log(access, access.discovery.find(GROUP, "Application"), options, _HEADERS, rows)
    listed = _entries(access, application)
    if output in ("json", "yaml"):
        out.document(listed, output)
    elif output == "name":
        for entry in listed:
            click.echo(entry["revision"])
    elif listed:
        out.table(_HEADERS, map(_row, listed))
    else:
        out.talk(f"nothing of {name} was synced yet")


def _entries(access: ClusterClient, application: Object) -> list[Object]:
    listed, problem = entries(access, application)
    if problem:
        out.talk(out.line(f"not every rollout can be read: {problem}"))
    return listed


def _row(entry: Object) -> tuple[str, ...]:
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
        str(entry.get("plan", ""))[:_SHORT],
        str(entry.get("actor", "")),
        message,
    )
