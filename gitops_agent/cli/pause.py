"""`gitops-agent pause APP --for 2h --reason …` and `resume APP`.

A pause ends by itself, and carries its reason. `suspend` is what Flux calls it.
"""

from __future__ import annotations

import copy

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.operations import requests


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.option("--for", "duration", default="1h", show_default=True, help="The duration, such as 2h; `forever` for no end.")
@click.option("--reason", required=True, help="The reason, shown in the status.")
@out.cluster_options
def pause(name: str, *, duration: str, reason: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Suspend the reconciliation of an application for a while.

    Nothing is applied, and drift is reported but not repaired.
    """
    seconds = None if duration == requests.FOREVER else seconds_of(duration, "--for")
    access = ClusterClient.open(kubeconfig, context, namespace)
    until = requests.pause(access, access.application(name), seconds=seconds, reason=reason)
    click.echo(f"application/{name} paused until {until or 'it is resumed'}")


suspend = copy.copy(pause)
suspend.name, suspend.short_help = "suspend", "The same as pause."


@click.command()
@click.argument("name", shell_complete=complete.applications)
@out.cluster_options
def resume(name: str, *, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Resume the reconciliation of a paused application; its drift is repaired."""
    access = ClusterClient.open(kubeconfig, context, namespace)
    paused = requests.resume(access, access.application(name))
    click.echo(f"application/{name} {'resumed' if paused else 'was not paused'}")
