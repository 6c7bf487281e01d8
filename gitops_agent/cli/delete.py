"""`gitops-agent delete APP`: shows what goes with an Application, and deletes it.

The deletion is the agent's: a finalizer keeps the Application until its objects are gone, by the same plan, order and guard as
ever. So the preview is the plan the agent will make, and a plan that is too large is held and approved by its hash. An
Application whose objects stay needs no agent for it.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT, HELD
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.errors import AgentError, NotFound, UsageError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import FINALIZER, owner

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.sync.planning.plan import Plan

_SHORT = 12


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.option(
    "--prune/--orphan", default=None, help="Delete its objects, or keep them; as its deletionPolicy says when not given."
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@out.wait_options("Wait until it is gone.")
@out.cluster_options
def delete(
    name: str,
    *,
    prune: bool | None,
    dry_run: bool,
    yes: bool,
    waits: bool,
    timeout: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Delete an Application, after showing what is deleted with it.

    Exit codes: 0 it is gone; 3 not within the timeout; 4 the deletion is larger than its budget and waits for approval.
    """
    from gitops_agent.cluster.client import ClusterClient

    seconds = seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if prune is None:
        prune = (application.get("spec") or {}).get("deletionPolicy") != "orphan"
    _show(access, application, prune=prune)
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("standard input is not a terminal: add --yes to delete without being asked")
        click.confirm(
            f"delete Application {name}{' and its objects' if prune else ', and keep its objects'}?", abort=True, err=True
        )
    _delete(access, application, prune=prune)
    if waits:
        sys.exit(_await(access, name, timeout, seconds))
    click.echo(f"application/{name} is being deleted")


def _show(access: ClusterClient, application: Object, *, prune: bool) -> None:
    """Prints what goes and what stays."""
    from gitops_agent.preview.mark_reader import MarkReader
    from gitops_agent.preview.owned_objects import owned
    from gitops_agent.preview.pruning import departure

    key = AppKey(str(application["metadata"]["namespace"]), str(application["metadata"]["name"]))
    parent = owner(application)
    if parent not in (None, key):
        out.talk(f"warning: Application {parent} declares this one and creates it again, until Git no longer declares it")
    if prune:
        marks = MarkReader(access)
        if marks.problem:
            out.talk(out.line(f"warning: marks could not be verified, so forged ones count here: {marks.problem}"))
        _show_plan(departure(access, application, marks))
        return
    objects, unseen = owned(access, key)
    counts = Counter(str(obj["kind"]) for obj in objects)
    click.echo(f"= kept: {', '.join(f'{count} {kind}' for kind, count in sorted(counts.items())) or 'no objects'}")
    for kind, why in unseen.items():
        out.talk(f"warning: {kind} cannot be listed: {out.line(why)}")


def _show_plan(plan: Plan) -> None:
    from gitops_agent.cli.plan_view import dependants_of
    from gitops_agent.sync.action import ActionKind

    kept = (ActionKind.SKIP, ActionKind.UNCHANGED)
    going = [action for action in plan.changes() if action.intent is ActionKind.DELETE and action.kind not in kept]
    for action in going:
        click.echo(out.coloured(f"- {action.key}", "Degraded"))
        for text in dependants_of(plan.verdict.blast.dependants.get(action.key)):
            click.echo(f"    {out.line(text)}")
    for action in plan.actions:
        if action not in going:
            click.echo(f"= {action.key} is kept: {out.line(action.message or action.reason)}")
    count = f"{len(going)} object{'s' if len(going) > 1 else ''}" if going else "no object"
    out.talk(f"{count} would be deleted")
    if plan.verdict.held:
        out.talk(f"it would be held until it is approved: {plan.verdict.message}")


def _delete(access: ClusterClient, application: Object, *, prune: bool) -> None:
    from gitops_agent.install import teardown

    metadata = application["metadata"]
    key = APPLICATION.named(str(metadata["namespace"]), str(metadata["name"]))
    if prune:
        finalizers = metadata.get("finalizers") or []
        patch: Object = {
            "metadata": {
                "finalizers": finalizers if FINALIZER in finalizers else [*finalizers, FINALIZER],
                "resourceVersion": metadata["resourceVersion"],
            },
            "spec": {"deletionPolicy": "prune"},
        }
        if not metadata.get("deletionTimestamp"):  # a finalizer cannot be added to an object that is being deleted
            access.objects.merge_patch(key, patch)
    else:
        teardown.orphan(access.objects, application)
    try:
        access.objects.delete(key, uid=str(metadata["uid"]), propagation="Background")
    except NotFound:
        return


def _await(access: ClusterClient, name: str, timeout: str, seconds: float) -> int:
    """Waits until it is gone; the exit code."""
    from gitops_agent.api.application_row import held, summary
    from gitops_agent.cli.wait import because
    from gitops_agent.operations.agent_lease import absence

    last = ""

    def seen(live: Object) -> None:
        nonlocal last
        text = summary(live)["message"]
        if live["metadata"].get("deletionTimestamp") and text != last:
            out.talk(out.line(text))
            last = text

    def done(live: Object) -> bool:
        current = (live.get("status") or {}).get("observedGeneration") == live["metadata"].get("generation")
        return bool(live["metadata"].get("deletionTimestamp")) and current and held(live)

    try:
        live = until(access, name, done, seconds=seconds, seen=seen)
    except AgentError as error:
        if error.reason != "NotFound":
            raise
        click.echo(f"application/{name} deleted")
        return 0
    if live is None:
        out.talk(f"not gone within {timeout}{because(absence(access))}: see `gitops-agent status {name}`")
        return DIFFERENT
    plan = str(((live.get("status") or {}).get("sync") or {}).get("plan") or "")
    out.talk(f"held for approval: gitops-agent approve {name} {plan[:_SHORT]}")
    return HELD
