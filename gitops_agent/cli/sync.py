"""`gitops-agent sync APP`: fetch and reconcile now; with --dry-run, only say what that would do."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.status import summary
from gitops_agent.cli.wait import ended, outcome
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.marks import REQUESTED


@click.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show the plan against the live cluster and change nothing.")
@click.option("--wait/--no-wait", "waits", default=True, show_default=True, help="Wait for the result.")
@click.option("--timeout", default="5m", show_default=True, help="How long to wait.")
@out.cluster_options
def sync(
    name: str, *, dry_run: bool, waits: bool, timeout: str, kubeconfig: str | None, context: str | None, namespace: str
) -> None:
    """Poll the repository and reconcile an application now, without waiting for its interval.

    Exit codes: 0 synced and healthy; 3 not, in the time given; 4 its plan, or a step of a rollout, waits for approval.
    """
    seconds = seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if dry_run:
        from gitops_agent.cli.plan_view import show
        from gitops_agent.preview.comparison import PreviewTarget, compare

        sys.exit(show(compare(access, application, PreviewTarget())))
    asked = datetime.now(UTC).isoformat(timespec="milliseconds")
    key = ObjectKey(GROUP, "Application", namespace, name)
    access.objects.merge_patch(key, {"metadata": {"annotations": {REQUESTED: asked}}})
    if not waits:
        click.echo(f"application/{name} asked to sync")
        return

    def done(one: Object) -> bool:
        answered = ((one.get("status") or {}).get("sync") or {}).get("answered") == asked
        return answered and ended(one)

    found = until(access, name, done, seconds=seconds, seen=lambda _: None)
    if found is None:
        out.talk(f"no result within {timeout}: see `gitops-agent status {name}`")
        sys.exit(DIFFERENT)
    row = summary(found)
    click.echo(out.line(f"application/{name} {row['sync']}, {row['health']}: {row['message']}"))
    sys.exit(outcome(found))
