"""Changes for Git that keep what a held plan would delete.

Problem: a person who sees that a plan would delete too much knows that Git has to be repaired, but not with which words, and a
wrong one (a manifest with nothing but an annotation) would empty the object. Decision: texts that are safe wherever they are
pasted, for each way that the planner knows: the files as they were, a request to keep each object, and an Application that
prunes nothing. Pure; nothing is written.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from gitops_agent.api.application import Application
from gitops_agent.api.application_row import SHORT
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.marks import PRUNE, REPLACE
from gitops_agent.manifest.revision_name import commit_of
from gitops_agent.manifest.yaml import dump
from gitops_agent.render.request import Format
from gitops_agent.server.views.changes import KeepView
from gitops_agent.sync.planning.plan import Plan

MOST_PATCHES = 50
"""Objects beyond which no text names each: a spec takes 64 patches."""


def keep_changes(application: Application, plan: Plan, form: Format) -> tuple[KeepView, ...]:
    """Ways to keep the objects, the plainest first.

    Empty where no deletion is held.

    Args:
        application: whose, with its live status.
        plan: that waits.
        form: what the files of the plan's commit are.
    """
    blast = plan.verdict.blast
    if not plan.verdict.held or application.deleting or not (blast.deletions or blast.replacements):
        return ()
    return tuple(_ways(application, plan, form))


def _ways(application: Application, plan: Plan, form: Format) -> Iterator[KeepView]:
    blast = plan.verdict.blast
    restored = _restored(application, plan)
    if restored:
        yield KeepView(way="restore", text=restored)
    if len(blast.deletions) + len(blast.replacements) <= MOST_PATCHES:
        yield KeepView(way="patch" if form is not Format.PLAIN else "annotation", text=_asked(application, plan, form))
    if blast.deletions:
        yield KeepView(way="prune", text=dump({"spec": {"sync": {"prune": False}}}))


def _restored(application: Application, plan: Plan) -> str:
    """Commands that restore the files; empty where no commit has them."""
    source = application.spec.source
    applied = commit_of(str((application.status.get("sync") or {}).get("revision") or ""))
    newest = commit_of(plan.revision.commit)
    if source.chart is not None or not applied or applied == newest:
        return ""
    message = f"Keep what {newest[:SHORT]} would delete" if newest else "Keep what would be deleted"
    path = shlex.quote(source.path or ".")
    return f"git restore --source={applied} --staged --worktree -- {path}\ngit commit -m {shlex.quote(message)}\n"


def _asked(application: Application, plan: Plan, form: Format) -> str:
    """The annotations, in the words of the format."""
    blast = plan.verdict.blast
    annotations = [(key, PRUNE, "disabled") for key in blast.deletions] + [
        (key, REPLACE, "never") for key in blast.replacements
    ]
    if form is Format.PLAIN:
        return "\n".join(
            "".join(f"# {key}\n" for key, name, _ in annotations if name == annotation)
            + dump({"metadata": {"annotations": {annotation: value}}})
            for annotation, value in dict.fromkeys((name, value) for _, name, value in annotations)
        )
    patches = {"patches": [_patch(application, key, name, value) for key, name, value in annotations]}
    if form is Format.KUSTOMIZE:
        return dump({"spec": {"render": {"kustomize": patches}}})
    return dump({"spec": {"render": {"helm": {"postRender": {"kustomize": patches}}}}})


def _patch(application: Application, key: ObjectKey, annotation: str, value: str) -> dict[str, Any]:
    """An entry of `patches`; its target selects by regular expressions."""
    # Files may leave the Application's own namespace to it, so a target that names it would not find them.
    namespace = "" if key.namespace == application.namespace else key.namespace
    selected = {"group": key.group, "kind": key.kind, "namespace": namespace, "name": key.name}
    target = {field: text.replace(".", "\\.") for field, text in selected.items() if text}
    # kustomize wants a whole identity here, and takes that of the target.
    body = {
        "apiVersion": f"{key.group}/v1" if key.group else "v1",
        "kind": key.kind,
        "metadata": {"name": key.name, "annotations": {annotation: value}},
    }
    return {"target": target, "patch": dump(body)}
