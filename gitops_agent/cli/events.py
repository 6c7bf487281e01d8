"""`gitops-agent events APP`: the Kubernetes Events of an application, oldest first."""

from __future__ import annotations

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.selection import watch_option
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.operations.events import events_of, selector, times, when

_HEADERS = ("when", "type", "reason", "times", "message")


@click.command()
@click.argument("name", shell_complete=complete.applications)
@watch_option("Print further events until interrupted.")
@out.output_option
@out.cluster_options
def events(name: str, *, watch: bool, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Show the Kubernetes Events of an application, oldest first.

    The API server keeps them for an hour.
    """
    if watch and output != "table":
        raise UsageError("--watch is for tables only")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if watch:
        from gitops_agent.cli.follow import follow_log
        from gitops_agent.cluster.watch import WatchOptions

        resource = access.discovery.find("events.k8s.io", "Event")
        options = WatchOptions(namespace=namespace, field_selector=selector(application))
        follow_log(access, resource, options, _HEADERS, lambda live: [_row(event) for event in sorted(live, key=when)])
    listed = events_of(access, application)
    if output in ("json", "yaml"):
        out.document(listed, output)
    elif output == "name":
        for event in listed:
            click.echo(f"event/{event['metadata']['name']}")
    elif listed:
        out.table(_HEADERS, map(_row, listed))
    else:
        out.talk(f"no events about {name}: the API server keeps them for an hour")


def _row(event: Object) -> tuple[str, ...]:
    moment = when(event)[:19] + "Z"
    return moment, str(event.get("type", "")), str(event.get("reason", "")), str(times(event)), str(event.get("note", ""))
