"""Pins an Application to an earlier commit, and undoes that.

Git stays the source: a rollback changes which commit is followed, never objects. The reference that was followed is kept in an
annotation, so undoing needs no memory of the user.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import FOLLOWED, annotation, owner
from gitops_agent.manifest.revision_name import base_of, chart_of, commit_of, digest_of, short, version_of
from gitops_agent.operations import values_rollback
from gitops_agent.operations.pause import pause_of
from gitops_agent.operations.requests import write
from gitops_agent.operations.values_rollback import VALUES

_KINDS = ("branch", "tag", "semver", "commit")
_CHART = ("version", "digest")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LEAST_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What an Application is to follow.

    Attributes:
        ref: the reference, by its kind; of a chart its version and digest; of values the references of their repositories.
        followed: what it followed before, as JSON; None where that is what it follows again.
    """

    ref: dict[str, Any]
    followed: str | None


def unpinned(application: Object) -> Pin:
    """The undoing of a rollback.

    Raises:
        UsageError: it is not pinned by a rollback.
    """
    return Pin(ref=followed_before(application), followed=None)


def pinned_to(access: ClusterClient, application: Object, revision: str | None) -> Pin:
    """The rollback to a commit, by default the last synced one.

    Raises:
        UsageError: the history knows no such commit.
        AgentError: the repository cannot be read.
    """
    target = _commit(access, application, revision)
    chart = _chart(application)
    values = values_rollback.pinned(application, target)
    if chart is None:
        return Pin(ref={"commit": commit_of(target), **values}, followed=_followed(application))
    version = version_of(chart_of(target), str(chart.get("name")))
    if not version:
        raise UsageError(f"{short(target)} names no version of the chart {chart.get('name')}")
    commit = {"commit": commit_of(target)} if commit_of(target) else {}
    return Pin(ref={**commit, "version": version, "digest": digest_of(target), **values}, followed=_followed(application))


def pin(access: ClusterClient, application: Object, target: Pin) -> Object:
    """Lets the Application follow it, unless it was changed meanwhile."""
    patch = {
        "metadata": {"annotations": {FOLLOWED: target.followed}},
        "spec": _patched(application, target.ref),
    }
    return write(access, application, patch, str(application["metadata"]["resourceVersion"]))


def pinned_spec(application: Object, ref: dict[str, Any]) -> Object:
    """The spec of an Application that follows another reference."""
    spec: Object = copy(application["spec"])
    changed = {"spec": spec}
    chart = _chart(changed)
    if chart is not None:
        for name in _CHART:
            chart.pop(name, None)
        chart |= {name: ref[name] for name in _CHART if name in ref}
    if not spec["source"].get("chart"):
        spec["source"]["ref"] = {kind: ref[kind] for kind in _KINDS if kind in ref}
    if ref.get(VALUES):
        spec["render"]["helm"]["valuesFrom"] = values_rollback.sources(application, ref[VALUES])
    return spec


def _patched(application: Object, ref: dict[str, Any]) -> Object:
    """The change of a spec that leads to another reference."""
    chart = {name: ref.get(name) for name in _CHART}
    helm: Object = {"valuesFrom": values_rollback.sources(application, ref[VALUES])} if ref.get(VALUES) else {}
    if application["spec"]["source"].get("chart"):
        source: Object = {"chart": chart}
    else:
        source = {"ref": {kind: ref.get(kind) for kind in _KINDS}}
        helm |= {"chart": chart} if _chart(application) is not None else {}
    return {"source": source, **({"render": {"helm": helm}} if helm else {})}


def _chart(application: Object) -> Object | None:
    """The chart of an Application, alone or beside a commit."""
    spec = application["spec"]
    chart: Object | None = spec["source"].get("chart") or ((spec.get("render") or {}).get("helm") or {}).get("chart")
    return chart


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


def followed_before(application: Object) -> dict[str, Any]:
    """The reference that was followed before a rollback.

    Raises:
        UsageError: it is not pinned by a rollback.
    """
    name = application["metadata"]["name"]
    try:
        ref = json.loads(annotation(application, FOLLOWED) or "")
    except ValueError:
        ref = None
    named = {*ref} if isinstance(ref, dict) else set[str]()
    whole = "version" in named if _chart(application) is not None else not named & {*_CHART}
    named.discard(VALUES)
    if not named <= {*_KINDS, *_CHART} or not whole or len(named & {*_KINDS}) != ("ref" in application["spec"]["source"]):
        raise UsageError(f"{name} is not pinned by a rollback: it follows {described(_ref(application))}")
    before = {kind: value if kind == VALUES else str(value) for kind, value in ref.items()}
    if VALUES in before:
        values_rollback.check(application, before[VALUES])
    return before


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
    texts = [f"{kind} {value}" for kind, value in ref.items() if kind != VALUES]
    return ", ".join([*texts, *(f"values at {described(values_ref)}" for values_ref in ref.get(VALUES) or ())])


def _ref(application: Object) -> dict[str, Any]:
    chart = _chart(application) or {}
    ref: dict[str, Any] = application["spec"]["source"].get("ref") or {}
    return {**ref, **{name: chart[name] for name in _CHART if chart.get(name)}, **values_rollback.followed(application)}


def _followed(application: Object) -> str:
    """What is followed without a rollback, as JSON for the annotation."""
    return annotation(application, FOLLOWED) or json.dumps(_ref(application))


def _commit(access: ClusterClient, application: Object, revision: str | None) -> str:
    """The whole commit, from the history or from Git."""
    if revision is None:
        return previous(application)
    history = (application.get("status") or {}).get("history") or ()
    commits = tuple(dict.fromkeys(str(entry.get("revision")) for entry in history))
    if revision in commits:
        return revision
    matching = [commit for commit in commits if len(revision) >= _LEAST_DIGITS and commit.startswith(revision.lower())]
    matching = [commit for commit in commits if short(commit) == revision] or matching
    if len(set(map(base_of, matching))) == 1:
        return matching[0]  # the newest with that commit
    if _COMMIT.fullmatch(revision) and _chart(application) is None and not values_rollback.followed(application):
        return revision
    from gitops_agent.api.parse import parse
    from gitops_agent.preview.fetched_sources import fetched

    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        fetched(access, parse(application), Path(scratch), revision=revision) as (_, resolved),
    ):
        return resolved.commit
