"""`gitops-agent approve APP PLAN`: approves a held plan."""

from __future__ import annotations

import click

from gitops_agent.api.conditions import condition_of
from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.identity import username
from gitops_agent.cli.sync_window import closed_window
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.marks import APPROVED, APPROVED_BY, claim


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.argument("plan")
@out.cluster_options
def approve(name: str, plan: str, *, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Approve the plan of an application by its hash.

    It is held, or waits for a window. The first twelve digits of the hash are enough.

    The approval is an annotation on the Application, so RBAC and the audit log apply. Your name is recorded beside it, as a
    claim: only the audit log proves it. Any change of the plan voids the approval.

    A branch that left its last verified commit (HistoryRewritten) is approved in the same way.
    """
    from gitops_agent.sync.planning.policy import APPROVAL_DIGITS

    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    status = application.get("status") or {}
    rewritten = str(((status.get("source") or {}).get("unverified") or {}).get("approval") or "")
    waiting = str((status.get("sync") or {}).get("plan") or "")
    held = rewritten if rewritten and not waiting.startswith(plan.lower()) else waiting
    if not rewritten and condition_of(application, "Ready").get("reason") not in ("HeldForApproval", "WindowClosed"):
        raise UsageError(f"nothing of {name} is held for approval or waits for a window")
    if len(plan) < APPROVAL_DIGITS:
        raise UsageError(f"{plan}: give at least {APPROVAL_DIGITS} digits of the hash")
    if not held.startswith(plan.lower()):
        raise UsageError(f"{plan} is not the plan that waits now; that is {held[:APPROVAL_DIGITS]}: inspect it first")
    # One patch, and both name the plan: a later approval without a name never inherits this one.
    patch = {"metadata": {"annotations": {APPROVED: held, APPROVED_BY: claim(held, username(access))}}}
    access.objects.merge_patch(ObjectKey(GROUP, "Application", namespace, name), patch)
    click.echo(f"application/{name}: plan {held[:APPROVAL_DIGITS]} approved")
    if not rewritten and (closed := closed_window(application)) is not None:
        out.talk(out.line(f"it runs now, although the application {closed}"))
