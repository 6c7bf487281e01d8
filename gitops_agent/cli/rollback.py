"""`gitops-agent rollback APP`: pins an Application to an earlier commit, until `--undo`.

Git stays the source: a rollback changes which commit is followed, never objects. The reference that was followed is kept in an
annotation, so undoing needs no memory of the user. Drift is repaired at the pinned commit and the guard, approvals and rollouts
work as ever, which a pause would not give. An Application that another one declares is not pinned: the pin would be repaired.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.wait import answer, ended, leave_if_paused, pause_of
from gitops_agent.cli.watch_until import seconds_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import FOLLOWED, annotation, owner

_KINDS = ("branch", "tag", "semver", "commit")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LEAST_DIGITS = 4
_SHORT = 12


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
    if undo:
        ref, followed = followed_before(application), None
    else:
        ref, followed = {"commit": _commit(access, application, revision)}, _followed(application)
    if dry_run:
        sys.exit(_preview(access, application, ref))
    refuse_declared(access, application)
    leave_if_paused(application)
    patch = {
        "metadata": {
            "annotations": {FOLLOWED: followed},
            "resourceVersion": application["metadata"]["resourceVersion"],
        },
        "spec": {"source": {"ref": {kind: ref.get(kind) for kind in _KINDS}}},
    }
    pinned = access.objects.merge_patch(APPLICATION.named(namespace, name), patch)
    if undo:
        click.echo(f"application/{name} follows {described(ref)} again")
    else:
        click.echo(f"application/{name} is pinned to commit {ref['commit'][:_SHORT]}")
        out.talk(
            f"new commits are not applied: revert the change in Git, then follow {described(json.loads(str(followed)))} "
            f"again with `gitops-agent rollback {name} --undo`"
        )
    if waits:
        commit, generation = ref.get("commit", ""), pinned["metadata"]["generation"]
        answer(access, name, lambda live: live["metadata"]["generation"] >= generation and ended(live, commit), timeout=timeout)


def previous(application: Object) -> str:
    """The last commit that was synced before the present one.

    Raises:
        UsageError: the history knows none.
    """
    status = application.get("status") or {}
    present = str((status.get("sync") or {}).get("revision") or "")
    rejected = {entry.get("revision") for entry in (status.get("rollback") or {}).get("rejected") or ()}
    for entry in status.get("history") or ():
        if entry.get("result") == "Synced" and entry.get("revision") not in {"", None, present, *rejected}:
            return str(entry["revision"])
    name = application["metadata"]["name"]
    raise UsageError(
        f"the history of {name} knows no other commit that was synced: say which, see `gitops-agent history {name}`"
    )


def followed_before(application: Object) -> dict[str, str]:
    """The reference that was followed before a rollback.

    Raises:
        UsageError: it is not pinned by a rollback.
    """
    name = application["metadata"]["name"]
    try:
        ref = json.loads(annotation(application, FOLLOWED) or "")
    except ValueError:
        ref = None
    if not isinstance(ref, dict) or len(ref) != 1 or next(iter(ref)) not in _KINDS:
        raise UsageError(f"{name} is not pinned by a rollback: it follows {described(_ref(application))}")
    return {str(kind): str(value) for kind, value in ref.items()}


def refuse_declared(access: ClusterClient, application: Object) -> None:
    """Refuses an Application whose declaring Application would repair the change.

    Raises:
        UsageError: another Application declares it, and is not paused.
    """
    parent, name = owner(application), application["metadata"]["name"]
    if parent is None:
        return
    if parent != AppKey(str(application["metadata"]["namespace"]), str(name)):
        declaring = access.objects.get(APPLICATION.named(parent.namespace, parent.name))
        if pause_of(declaring):
            return
    raise UsageError(
        f"Application {parent} declares {name} and would repair the change: revert the commit in Git, or pause it first with "
        f"`gitops-agent pause {parent.name} -n {parent.namespace} --reason …`"
    )


def described(ref: dict[str, Any]) -> str:
    """A reference in words."""
    return ", ".join(f"{kind} {value}" for kind, value in ref.items())


def _ref(application: Object) -> dict[str, Any]:
    ref: dict[str, Any] = application["spec"]["source"].get("ref") or {}
    return ref


def _followed(application: Object) -> str:
    """What is followed without a rollback, as JSON for the annotation."""
    return annotation(application, FOLLOWED) or json.dumps(_ref(application))


def _commit(access: ClusterClient, application: Object, revision: str | None) -> str:
    """The whole commit, from the history or from Git."""
    if revision is None:
        return previous(application)
    history = (application.get("status") or {}).get("history") or ()
    commits = {str(entry.get("revision")) for entry in history}
    matching = [commit for commit in commits if len(revision) >= _LEAST_DIGITS and commit.startswith(revision.lower())]
    if len(matching) == 1:
        return matching[0]
    if _COMMIT.fullmatch(revision):
        return revision
    from gitops_agent.api.parse import parse
    from gitops_agent.preview.comparison import fetched

    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        fetched(access, parse(application), Path(scratch), revision=revision) as (_, resolved),
    ):
        return resolved.commit


def _preview(access: ClusterClient, application: Object, ref: dict[str, str]) -> int:
    from gitops_agent.cli.plan_view import show
    from gitops_agent.preview.comparison import PreviewTarget, compare

    source = application["spec"]["source"]
    pinned = {**application, "spec": {**application["spec"], "source": {**source, "ref": ref}}}
    return show(compare(access, pinned, PreviewTarget()))
