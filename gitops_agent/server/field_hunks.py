"""Rows and hunks of a diff, from the changes between two trees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitops_agent.manifest.field_report import FieldChange
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.merge_keys import ABSENT
from gitops_agent.manifest.pointer import field_path, parse, pointer
from gitops_agent.server.views.changes import FieldRow, Hunk

_RESTARTING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


def hunks(changes: Iterable[FieldChange], *, secret: bool) -> tuple[Hunk, ...]:
    """The changes of one object, by their parent."""
    parts: dict[tuple[str, ...], list[FieldRow]] = {}
    for change in changes:
        above, below = _split(parse(change.path))
        parts.setdefault(tuple(_words(above)), []).append(_row(change, below, secret=secret))
    return tuple(Hunk(path=path, rows=tuple(rows)) for path, rows in parts.items())


def restarts(obj: Object, changes: Iterable[FieldChange]) -> str:
    """What the changes do to pods; empty for nothing."""
    if obj.get("kind") not in _RESTARTING or not any(change.path.startswith("/spec/template/") for change in changes):
        return ""
    replicas = (obj.get("spec") or {}).get("replicas")
    if obj["kind"] == "DaemonSet" or not isinstance(replicas, int):
        return "its pod template changes: its pods are replaced"
    return f"its pod template changes: {replicas} pod{'' if replicas == 1 else 's'} {'is' if replicas == 1 else 'are'} replaced"


def value(raw: Any) -> Any:
    """A value as JSON; null where there is none."""
    return None if raw is ABSENT else raw


def _split(steps: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The steps of the hunk, and those of the field below it.

    A hunk ends at the first item of a list that has a name, such as a container, or at the field's parent.
    """
    for index, step in enumerate(steps[:-1]):
        if step.startswith("["):
            return steps[: index + 1], steps[index + 1 :]
    return steps[:-1], steps[-1:]


def _words(steps: tuple[str, ...]) -> list[str]:
    words: list[str] = []
    for step in steps:
        named = field_path(pointer(step))
        if step.startswith("[") and words:
            words[-1] += named
        else:
            words.append(named)
    return words


def _row(change: FieldChange, below: tuple[str, ...], *, secret: bool) -> FieldRow:
    op = "added" if change.old is ABSENT else "removed" if change.new is ABSENT else "changed"
    masked = secret and parse(change.path)[:1] in (("data",), ("stringData",), ("binaryData",))
    return FieldRow.model_validate(
        {
            "field": field_path(pointer(*below)) or "(all)",
            "path": change.path,
            "op": op,
            "old": value(change.old),
            "new": value(change.new),
            "secret": masked,
        }
    )
