"""Counts objects of kinds that cannot be listed since the start. Pure.

Problem: after a start the live state holds nothing of a kind that is refused, so a deletion that is large would look small,
and an Application could go before its objects. Decision: the status keeps how many objects of each kind are live, without their
names, and a kind that cannot be listed counts as many as it had when it was last listed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from gitops_agent.manifest.key import GroupKind, ObjectKey


def unlistable(
    recorded: Mapping[GroupKind, int], cannot_see: Iterable[GroupKind], known: Iterable[ObjectKey]
) -> dict[GroupKind, int]:
    """How many objects of each unlistable kind are known by number only.

    Args:
        recorded: live objects of the application by kind, when each kind was last listed.
        cannot_see: the kinds that cannot be listed now.
        known: objects of the application that are live or declared.
    """
    counted = count(known)
    beyond = {kind: recorded.get(kind, 0) - counted.get(kind, 0) for kind in cannot_see}
    return {kind: number for kind, number in sorted(beyond.items()) if number > 0}


def record(
    before: Mapping[GroupKind, int], live: Iterable[ObjectKey], *, cannot_see: Container[GroupKind], complete: bool
) -> dict[GroupKind, int]:
    """The live objects by kind; an unlisted kind keeps its number.

    Args:
        before: the last record.
        live: the live objects of the application.
        cannot_see: the kinds that cannot be listed now.
        complete: every other kind has been listed since the start.
    """
    now = count(live)
    kept = {kind: number for kind, number in before.items() if not complete or kind in cannot_see}
    return {kind: max(now.get(kind, 0), kept.get(kind, 0)) for kind in sorted(now.keys() | kept.keys())}


def count(keys: Iterable[ObjectKey]) -> dict[GroupKind, int]:
    """The number of objects of each kind."""
    counted: dict[GroupKind, int] = {}
    for key in keys:
        counted[key.group_kind] = counted.get(key.group_kind, 0) + 1
    return counted


def to_json(recorded: Mapping[GroupKind, int]) -> dict[str, int]:
    """A record as JSON values, for a status."""
    return {str(kind): number for kind, number in sorted(recorded.items())}


def from_json(value: object) -> dict[GroupKind, int]:
    """What `to_json` gave; without what is not a number of a kind."""
    if not isinstance(value, dict):
        return {}
    pairs = ((str(kind).rpartition("/"), number) for kind, number in value.items())
    return {GroupKind(group, kind): number for (group, _, kind), number in pairs if isinstance(number, int) and number > 0}
