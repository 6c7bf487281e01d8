"""`gitops-agent retry APP`: tries a rejected commit again.

The request is an annotation, so RBAC and the audit log apply; the agent puts the commit on trial once for each request.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.agent_lease import absence
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.status import summary
from gitops_agent.cli.wait import because, ended, leave_if_paused, outcome, pause_of
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import RETRY

_SHORT = 12


@click.command()
@click.argument("name", shell_complete=complete.applications)
@out.wait_options("Wait for the result.")
@out.cluster_options
def retry(name: str, *, waits: bool, timeout: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Try a commit again that was rejected because objects were Degraded.

    Exit codes: 0 synced and healthy; 3 not, within the timeout, or rejected again; 4 its plan waits for approval.
    """
    seconds = seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    status = application.get("status") or {}
    if not (status.get("rollback") or {}).get("held"):
        raise UsageError(f"no commit of {name} is rejected; `gitops-agent rollout retry` tries a version of a rollout again")
    leave_if_paused(application)
    requested_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    access.objects.merge_patch(APPLICATION.named(namespace, name), {"metadata": {"annotations": {RETRY: requested_at}}})
    commit = str((status.get("source") or {}).get("revision") or "")[:_SHORT]
    click.echo(f"application/{name}: {commit} is tried again")
    if not waits:
        return

    def done(live: Object) -> bool:
        taken_up = ((live.get("status") or {}).get("rollback") or {}).get("retried") == requested_at
        return (taken_up and ended(live)) or bool(pause_of(live))

    result = until(access, name, done, seconds=seconds, seen=lambda _: None)
    if result is None:
        out.talk(f"no result within {timeout}{because(absence(access))}: see `gitops-agent status {name}`")
        sys.exit(DIFFERENT)
    leave_if_paused(result)
    row = summary(result)
    click.echo(out.line(f"application/{name} {row['sync']}, {row['health']}: {row['message']}"))
    sys.exit(outcome(result))
