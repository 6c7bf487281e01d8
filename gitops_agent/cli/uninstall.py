"""`gitops-agent uninstall`: removes the agent and keeps the workloads.

The order makes it safe to interrupt and to repeat: the agent is stopped first, the Applications are orphaned before their CRD
and their namespace are deleted, and finalizers that block the Namespace are removed while the command waits for it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.errors import AgentError, UsageError

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.manifest.key import ObjectKey
    from gitops_agent.preview.removal import Removal

_SHOWN = 10
_POLL_SECONDS = 0.5
_PROGRESS_SECONDS = 5.0


@click.command()
@click.option("--prune", is_flag=True, help="Delete the objects of all Applications too.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--timeout", default="5m", show_default=True, help="The longest wait for the removal, such as 90s or 10m.")
@out.cluster_options
def uninstall(
    *, prune: bool, dry_run: bool, yes: bool, timeout: str, kubeconfig: str | None, context: str | None, namespace: str
) -> None:
    """Remove the agent, its CRDs and its namespace; workloads stay.

    Shows what is removed and what is kept, then asks. No agent has to run. It may be repeated after an interruption.
    """
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.preview.removal import removal

    deadline = time.monotonic() + seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    plan = removal(access, prune=prune)
    if plan.is_empty:
        click.echo(f"nothing is installed in {namespace}")
        return
    _show(plan, prune=prune, namespace=namespace)
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("standard input is not a terminal: add --yes to uninstall without being asked")
        click.confirm("uninstall?", abort=True, err=True)
    _uninstall(access, plan, prune=prune, deadline=deadline)


def _show(plan: Removal, *, prune: bool, namespace: str) -> None:
    """Prints what is removed, then what is kept."""
    for key in plan.installed:
        click.echo(f"- {key}")
    for application in plan.applications:
        click.echo(f"- Application {application['metadata']['name']}")
    if plan.policies:
        click.echo(f"- {plan.policies} RolloutPolicies, with their CRD")
    for key in plan.contents:
        click.echo(f"- {key}, with the namespace")
    total = sum(len(objects) for objects in plan.owned.values())
    for application_key, objects in plan.owned.items():
        counts = Counter(str(obj["kind"]) for obj in objects)
        text = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "no objects"
        click.echo(f"{'-' if prune else '='} {'deleted' if prune else 'kept'}: {text} of {application_key.name}")
    if plan.strangers:
        click.echo(f"= kept: Namespace {namespace}, because it holds {_some(plan.strangers)}")
    if plan.elsewhere:
        click.echo(f"= kept: CRDs and ClusterRoles, because of the Applications {_some(plan.elsewhere)}")
    for kind, why in plan.unseen.items():
        out.talk(f"warning: {kind} cannot be listed: {out.line(why)}")
    if plan.managed_by is not None:
        source = plan.managed_by["spec"]["source"]
        out.talk(
            f"note: Git manages this agent, by {source['path']} of {source['repoURL']}: the files stay there, and "
            "`gitops-agent bootstrap`, or whatever else applies that directory, installs it again"
        )
    if prune:
        out.talk(f"{total} objects of {len(plan.applications)} applications would be deleted")
    else:
        out.talk(f"{total} objects of {len(plan.applications)} applications stay as they are")


def _some(keys: Iterable[object]) -> str:
    texts = [str(key) for key in keys]
    return ", ".join(texts[:_SHOWN]) + (f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")


def _uninstall(access: ClusterClient, plan: Removal, *, prune: bool, deadline: float) -> None:
    from gitops_agent.install import teardown
    from gitops_agent.manifest.kinds import APPLICATION, DEPLOYMENT
    from gitops_agent.preview.pruning import prune_application, verifiable

    agent = [key for key in plan.installed if key.group_kind == DEPLOYMENT]
    if prune:
        verifiable(access)
    _remove(access, agent, deadline)
    if prune:
        for application in plan.applications:
            name = application["metadata"]["name"]
            for left in prune_application(access, application, deadline=deadline):
                out.talk(f"waiting for {_some(left)} of {name}")
            click.echo(f"the objects of {name} are deleted")
    for application in plan.applications:
        teardown.orphan(access.objects, application)
        click.echo(f"Application {application['metadata']['name']} is set to orphan")
    keys = [APPLICATION.named(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in plan.applications]
    _remove(access, [*(key for key in plan.installed if key not in agent), *keys], deadline)
    click.echo(f"gitops-agent is uninstalled from {access.namespace}")


def _remove(access: ClusterClient, keys: Iterable[ObjectKey], deadline: float) -> None:
    """Deletes parts, and waits until they are gone.

    Raises:
        AgentError: they are not gone in time; the message names them.
    """
    from gitops_agent.install import teardown

    left = [key for key in keys if teardown.delete(access.objects, key)]
    started = spoken = time.monotonic()
    pause = threading.Event()
    while left:
        _release(access)
        going = left
        left = [key for key in going if not teardown.is_gone(access.objects, key)]
        for key in going:
            if key not in left:
                click.echo(f"{key} deleted")
        now = time.monotonic()
        if left and now > deadline:
            raise AgentError(f"not gone in time: {_some(left)}; run the command again to continue", reason="Terminating")
        if left and now - spoken > _PROGRESS_SECONDS:
            out.talk(f"waiting for {_some(left)} ({now - started:.0f} s)")
            spoken = now
        if left:
            pause.wait(_POLL_SECONDS)
    access.discovery.invalidate()


def _release(access: ClusterClient) -> None:
    """Orphans Applications whose finalizer was set again meanwhile."""
    from gitops_agent.errors import NotFound
    from gitops_agent.install import teardown

    try:
        applications = access.applications()
    except (UsageError, NotFound):
        return
    for application in applications:
        if application["metadata"].get("deletionTimestamp") and application["metadata"].get("finalizers"):
            teardown.orphan(access.objects, application)
