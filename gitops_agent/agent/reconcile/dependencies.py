"""Dependencies of an Application (`dependsOn`), ready before it is applied. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from gitops_agent.api.application import Application
from gitops_agent.api.conditions import find_condition
from gitops_agent.api.source_options import VerifyMode
from gitops_agent.errors import did_you_mean
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import mapping
from gitops_agent.manifest.revision_name import base_of, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An Application that another one depends on.

    Attributes:
        source: its `spec.source`, as written.
        status: as last written.
        applied: the commit whose every object is applied; empty when the agent does not know more than the status.
    """

    source: Object
    status: Object
    applied: str = ""


def unmet(application: Application, commit: str, dependencies: Mapping[str, Dependency], others: Collection[str] = ()) -> str:
    """Text of the first unready dependency; empty when all are ready.

    A dependency that follows the same reference of the same repository must be ready at the same commit, unless the two demand
    other signatures: then one may have to stay behind for as long as the newest commit is not signed.

    Args:
        application: which depends.
        commit: which is about to be applied.
        dependencies: the Applications that exist, by name.
        others: the names of all Applications of the namespace, for suggestions.
    """
    for name in (dependency.name for dependency in application.spec.depends_on):
        dependency = dependencies.get(name)
        if dependency is None:
            hint = did_you_mean(difflib.get_close_matches(name, others, n=2, cutoff=0.7))
            return f"waits for Application {name}, which spec.dependsOn names and which does not exist{hint}"
        ready = find_condition(dependency.status.get("conditions"), "Ready") or {}
        if ready.get("status") != "True":
            return f"waits for Application {name} to be ready ({ready.get('reason') or 'not reconciled yet'})"
        applied = dependency.applied or (dependency.status.get("sync") or {}).get("revision")
        if _same_reference(application, dependency.source) and base_of(str(applied)) != base_of(commit):
            return f"waits for Application {name} to be synced to {short(commit)}"
    return ""


def circle(name: str, needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A shortest circle of dependencies through an Application; empty without one.

    Args:
        name: of the Application.
        needs: what each Application of the namespace depends on, by name.
    """
    paths: list[tuple[str, ...]] = [(name,)]
    reached: set[str] = set()
    while paths:
        path = paths.pop(0)
        for needed in needs.get(path[-1], ()):
            if needed == name:
                return (*path, name)
            if needed not in reached:
                reached.add(needed)
                paths.append((*path, needed))
    return ()


def _same_reference(application: Application, source: Object) -> bool:
    mine = application.spec.source
    if mine.ref is None:
        return False
    ref = mine.ref.model_dump(exclude_none=True, by_alias=True)
    mode = str(mapping(source, "verify").get("mode") or VerifyMode.NONE)
    return bool(source.get("repoURL") == mine.repo_url and source.get("ref") == ref and mode == mine.verify.mode)
