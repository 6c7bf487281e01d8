"""Pins values of other repositories to the commits of a revision.

What was applied was rendered with them, so a rollback restores them. A repository that the revision does not name, because it
was added to the spec later, stays at what it follows.
"""

from __future__ import annotations

from typing import Any

from gitops_agent.errors import UsageError
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import values_of

VALUES = "values"
"""The key of their references among those of an Application."""

_GIT = "Git"


def followed(application: Object) -> dict[str, Any]:
    """The references of the repositories, in their order; empty without any."""
    refs = [source.get("ref") or {} for source in _git(_values_from(application))]
    return {VALUES: refs} if refs else {}


def pinned(application: Object, revision: str) -> dict[str, Any]:
    """The same at the commits that a revision names; see `followed`."""
    listed = _git(_values_from(application))
    distinct = list(dict.fromkeys(map(_identity, listed)))
    commits = dict(zip(distinct, values_of(revision, [str(url) for url, *_ in distinct]), strict=True))
    refs = [{"commit": commit} if (commit := commits[_identity(source)]) else source.get("ref") or {} for source in listed]
    return {VALUES: refs} if refs else {}


def sources(application: Object, refs: list[Object]) -> list[Object]:
    """The whole `valuesFrom` with other references.

    Raises:
        UsageError: it has other repositories by now.
    """
    check(application, refs)
    result: list[Object] = copy({"sources": _values_from(application)})["sources"]
    for source, ref in zip(_git(result), refs, strict=True):
        source["ref"] = ref
    return result


def check(application: Object, refs: Any) -> None:
    """Refuses references that do not fit the repositories of now.

    Raises:
        UsageError: their number differs.
    """
    count = len(_git(_values_from(application)))
    if not isinstance(refs, list) or len(refs) != count or not all(isinstance(ref, dict) for ref in refs):
        name = application["metadata"]["name"]
        raise UsageError(f"valuesFrom of {name} has changed since its rollback: set the ref of each repository in the spec")


def _values_from(application: Object) -> list[Object]:
    listed: list[Object] = (((application["spec"].get("render") or {}).get("helm") or {}).get("valuesFrom")) or []
    return listed


def _git(values_from: list[Object]) -> list[Object]:
    return [source for source in values_from if source.get("kind") == _GIT]


def _identity(source: Object) -> tuple[Any, ...]:
    """What makes two of them one repository and reference."""
    return (
        source.get("repoURL"),
        tuple(sorted((source.get("ref") or {}).items())),
        (source.get("secretRef") or {}).get("name"),
    )
