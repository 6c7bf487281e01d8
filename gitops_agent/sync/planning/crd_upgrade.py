"""Refuses definitions that no longer serve declared objects. Pure.

The API server refuses a definition that drops a version in which objects are stored, or changes its scope, and the dry run of
the plan says so. It takes one that no longer serves a version which manifests are written in: every apply of these would fail
from then on, also of other applications. So that is checked here, before anything is sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CRD
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.sync.action import PlanError

_SHOWN = 3

VersionUse = Mapping[tuple[GroupKind, str], str]
"""Who declares objects of a kind in a version, in words."""


class CRDUpgradeRefused(PlanError):
    """A definition no longer serves a version that declared objects use."""

    reason = "CRDUpgradeRefused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a definition of custom resources says of its versions.

    Attributes:
        key: of the definition.
        kind: what it defines.
        served: the versions that are served.
    """

    key: ObjectKey
    kind: GroupKind
    served: frozenset[str]

    @classmethod
    def of(cls, obj: Object) -> Definition | None:
        """The definition that an object is; None where incomplete."""
        key, spec = ObjectKey.of(obj), mapping(obj, "spec")
        versions = [version for version in items(spec.get("versions")) if isinstance(version.get("name"), str)]
        group, kind = spec.get("group"), mapping(spec, "names").get("kind")
        if key.group_kind != CRD or not versions or not isinstance(group, str) or not isinstance(kind, str):
            return None
        served = frozenset(version["name"] for version in versions if version.get("served") is True)
        return cls(key=key, kind=GroupKind(group, kind), served=served)


def definitions(manifests: Iterable[Manifest]) -> dict[GroupKind, Definition]:
    """The definitions among some manifests, by what they define."""
    each = (Definition.of(manifest.obj) for manifest in manifests if manifest.key.group_kind == CRD)
    return {definition.kind: definition for definition in each if definition is not None}


def versions(manifests: Iterable[Manifest]) -> Iterator[tuple[GroupKind, str]]:
    """The kinds and versions that manifests are written in."""
    for manifest in manifests:
        yield manifest.key.group_kind, _version(manifest.obj)


def _nowhere(_: Collection[GroupKind]) -> VersionUse:
    return {}


def check(manifests: Iterable[Manifest], elsewhere: Callable[[Collection[GroupKind]], VersionUse] = _nowhere) -> None:
    """Checks every definition against the objects that are declared.

    Args:
        manifests: all that the application declares.
        elsewhere: what other applications declare of some kinds.

    Raises:
        CRDUpgradeRefused: a version is gone that objects are declared in.
    """
    declared = tuple(manifests)
    defined = definitions(declared)
    if not defined:
        return
    others = elsewhere(defined.keys())
    mine: defaultdict[tuple[GroupKind, str], list[Manifest]] = defaultdict(list)
    for manifest in declared:
        if manifest.key.group_kind in defined:
            mine[manifest.key.group_kind, _version(manifest.obj)].append(manifest)
    used = {key: _objects(objects) for key, objects in mine.items()}
    for key, words in others.items():
        used[key] = f"{used[key]}, and {words}" if key in used else words
    problems = [
        f"{defined[kind].key} does not serve {kind.group}/{version}, which is used by {words}; "
        f"it serves {', '.join(sorted(defined[kind].served)) or 'no version'}"
        for (kind, version), words in sorted(used.items())
        if kind in defined and version not in defined[kind].served
    ]
    if problems:
        advice = "declare these objects in a served version first, or serve this one until then"
        raise CRDUpgradeRefused(f"{'; '.join(problems)}: {advice}", problems=problems)


def _version(obj: Object) -> str:
    return str(obj.get("apiVersion") or "").rpartition("/")[2]


def _objects(manifests: list[Manifest]) -> str:
    shown = ", ".join(f"{manifest.key} in {manifest.place}" for manifest in manifests[:_SHOWN])
    return shown + (f" and {len(manifests) - _SHOWN} more" if len(manifests) > _SHOWN else "")
