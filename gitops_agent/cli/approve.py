"""`gitops-agent approve APP PLAN`: approves a held plan."""

from __future__ import annotations

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.operations import requests
from gitops_agent.operations.sync_window import closed_window


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.argument("plan")
@out.cluster_options
def approve(name: str, plan: str, *, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Approve the plan of an application by its hash.

    It is held, or waits for a window. The first twelve digits of the hash are enough.

    The approval is an annotation on the Application, so RBAC and the audit log apply. Your name is recorded beside it, as a
    claim: only the audit log proves it. Any change of the plan voids the approval.

    A branch that left its last verified commit (HistoryRewritten), and a version of a chart that has another content
    (ChartRepublished), are approved in the same way.
    """
    from gitops_agent.sync.planning.policy import APPROVAL_DIGITS

    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    held = requests.approvable(application, plan)
    requests.approve(access, application, held)
    click.echo(f"application/{name}: plan {held[:APPROVAL_DIGITS]} approved")
    if not requests.source_approval(application) and (closed := closed_window(application)) is not None:
        out.talk(out.line(f"it runs now, although the application {closed}"))
