"""`gitops-agent sync APP`: fetches and reconciles now, or shows the plan."""

from __future__ import annotations

import sys

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.wait import answer, ended, leave_if_paused
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.operations import requests
from gitops_agent.operations.sync_window import closed_window


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.option("--dry-run", is_flag=True, help="Show the plan against the live cluster and change nothing.")
@out.wait_options("Wait for the result.")
@out.cluster_options
def sync(
    name: str, *, dry_run: bool, waits: bool, timeout: str, kubeconfig: str | None, context: str | None, namespace: str
) -> None:
    """Fetch the repository and reconcile an application now.

    In a closed window changes are applied only where its `manualSync` is set.

    Exit codes: 0 synced and healthy; 3 not, within the timeout, or it is paused or waits for a window; 4 its plan, or a step
    of a rollout, waits for approval.
    """
    seconds_of(timeout, "--timeout")  # refused before anything is changed
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if dry_run:
        from gitops_agent.cli.plan_view import show
        from gitops_agent.preview.comparison import PreviewTarget, compare

        sys.exit(show(compare(access, application, PreviewTarget()), closed_window(application)))
    leave_if_paused(application)
    requested_at = requests.request_sync(access, application)
    if not waits:
        click.echo(f"application/{name}: sync requested")
        return

    def done(live: Object) -> bool:
        return ((live.get("status") or {}).get("sync") or {}).get("answered") == requested_at and ended(live)

    answer(access, name, done, timeout=timeout)
