"""`gitops-agent events APP`: the Kubernetes Events of an application, oldest first."""

from __future__ import annotations

import click

from gitops_agent.cli import output as out
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object


@click.command()
@click.argument("name")
@out.output_option
@out.cluster_options
def events(name: str, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Show the Kubernetes Events of an application, oldest first.

    The API server keeps them for an hour.
    """
    access = ClusterClient.open(kubeconfig, context, namespace)
    uid = access.application(name)["metadata"]["uid"]
    resource = access.discovery.find("events.k8s.io", "Event")
    listing = access.objects.list(resource, namespace=namespace, field_selector=f"regarding.uid={uid}")
    listed = sorted(listing.items, key=when)
    if output in ("json", "yaml"):
        out.document(listed, output)
    elif output == "name":
        for event in listed:
            click.echo(f"event/{event['metadata']['name']}")
    elif listed:
        rows = [
            (when(e)[:19] + "Z", str(e.get("type", "")), str(e.get("reason", "")), _times(e), str(e.get("note", "")))
            for e in listed
        ]
        out.table(("when", "type", "reason", "times", "message"), rows)
    else:
        out.talk(f"no events about {name}: the API server keeps them for an hour")


def when(event: Object) -> str:
    """The time an event was last seen."""
    series = event.get("series") or {}
    return str(series.get("lastObservedTime") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def _times(event: Object) -> str:
    return str((event.get("series") or {}).get("count") or 1)
