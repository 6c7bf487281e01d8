"""`gitops-agent rollback APP`: pins an Application to an earlier commit, until `--undo`.

Git stays the source: a rollback changes which commit is followed, never objects. The reference that was followed is kept in an
annotation, so undoing needs no memory of the user. Drift is repaired at the pinned commit and the guard, approvals and rollouts
work as ever, which a pause would not give. An Application that another one declares is not pinned: the pin would be repaired.
"""

from __future__ import annotations

import json
import sys

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.wait import answer, ended, leave_if_paused
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import short
from gitops_agent.operations.rollback import described, pin, pinned_spec, pinned_to, refuse_declared, unpinned


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.argument("revision", required=False, shell_complete=complete.revisions)
@click.option("--undo", is_flag=True, help="Follow again what was followed before the rollback.")
@click.option("--dry-run", is_flag=True, help="Show the plan against the live cluster and change nothing.")
@out.wait_options("Wait for the result.")
@out.cluster_options
def rollback(
    name: str,
    revision: str | None,
    *,
    undo: bool,
    dry_run: bool,
    waits: bool,
    timeout: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Pin an application to an earlier commit of its history, until --undo.

    REVISION is a commit of `gitops-agent history` or anything `diff --revision` takes; without it, the last commit that was
    synced before the present one. New commits are not applied while it is pinned: revert the change in Git, then undo.

    Exit codes: 0 synced and healthy; 3 not, within the timeout; 4 its plan, or a step of a rollout, waits for approval.
    """
    if undo and revision:
        raise UsageError("REVISION and --undo exclude each other")
    seconds_of(timeout, "--timeout")  # refused before anything is changed
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    target = unpinned(application) if undo else pinned_to(access, application, revision)
    if dry_run:
        sys.exit(_preview(access, application, target.ref))
    refuse_declared(access, application)
    leave_if_paused(application)
    patched = pin(access, application, target)
    if undo:
        click.echo(f"application/{name} follows {described(target.ref)} again")
    else:
        commit = target.ref.get("commit", "")
        click.echo(
            f"application/{name} is pinned to {described({**target.ref, **({'commit': short(commit)} if commit else {})})}"
        )
        instead = "commits are not applied: revert the change in Git" if commit else "versions are not applied"
        out.talk(
            f"new {instead}, then follow {described(json.loads(str(target.followed)))} again with "
            f"`gitops-agent rollback {name} --undo`"
        )
    if waits:
        commit, generation = target.ref.get("commit", ""), patched["metadata"]["generation"]
        answer(access, name, lambda live: live["metadata"]["generation"] >= generation and ended(live, commit), timeout=timeout)


def _preview(access: ClusterClient, application: Object, ref: dict[str, str]) -> int:
    from gitops_agent.cli.plan_view import show
    from gitops_agent.preview.comparison import PreviewTarget, compare

    pinned = {**application, "spec": pinned_spec(application, ref)}
    return show(compare(access, pinned, PreviewTarget()))
