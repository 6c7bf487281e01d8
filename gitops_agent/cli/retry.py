"""`gitops-agent retry APP`: tries a rejected commit again.

The request is an annotation, so RBAC and the audit log apply; the agent puts the commit on trial once for each request.
"""

from __future__ import annotations

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.wait import answer, ended, leave_if_paused
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import short
from gitops_agent.operations import requests


@click.command()
@click.argument("name", shell_complete=complete.applications)
@out.wait_options("Wait for the result.")
@out.cluster_options
def retry(name: str, *, waits: bool, timeout: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Try a commit again that was rejected because objects were Degraded.

    Exit codes: 0 synced and healthy; 3 not, within the timeout, or rejected again; 4 its plan waits for approval.
    """
    seconds_of(timeout, "--timeout")  # refused before anything is changed
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    status = application.get("status") or {}
    requests.check_rejected(application)
    leave_if_paused(application)
    requested_at = requests.retry(access, application)
    commit = short(str((status.get("source") or {}).get("revision") or ""))
    click.echo(f"application/{name}: {commit} is tried again")
    if not waits:
        return

    def done(live: Object) -> bool:
        return ((live.get("status") or {}).get("rollback") or {}).get("retried") == requested_at and ended(live)

    answer(access, name, done, timeout=timeout)
