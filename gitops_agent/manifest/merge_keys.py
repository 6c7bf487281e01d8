"""Merge keys: which fields identify the items of a list.

Kubernetes merges containers by name and ports by number and protocol; a comparison that does the same reports one inserted item
as one change and not as a shifted tail. The schema of custom resources is not at hand here, so lists that no table names are
matched by what usually identifies an item, where every item of both lists has it, each once. All other lists are positional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from gitops_agent.manifest.pointer import parse

MergeKey: TypeAlias = tuple[str, ...]

_BY_FIELD: Mapping[str, tuple[MergeKey, ...]] = {
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "hostAliases": (("ip",),),
    "conditions": (("type",),),
    "ownerReferences": (("uid",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
}
"""The lists of Kubernetes whose merge key is not `name`, by field."""

_GENERAL: tuple[MergeKey, ...] = (
    ("name",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("mountPath",),
    ("type",),
    ("key",),
)
"""What identifies the items of any other list, tried in this order."""

_ALL = tuple(dict.fromkeys([*_GENERAL, *(names for keys in _BY_FIELD.values() for names in keys)]))
_DEFAULTS = {"protocol": "TCP"}


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()
"""Stands for a value that is not there, which differs from null."""


def merge_key(field: str, old: Sequence[Any], new: Sequence[Any]) -> MergeKey | None:
    """The merge key of a list's two versions; None by position.

    Args:
        field: the name of the field that holds the list, empty when it has none.
        old: the items before.
        new: the items after.
    """
    candidates = (*_BY_FIELD.get(field, ()), *_GENERAL)
    return next((names for names in candidates if _identifies(names, old) and _identifies(names, new)), None)


def label(names: MergeKey, item: Mapping[str, Any]) -> str:
    """An item by its merge key, `[name=web]`; defaults are left out."""
    shown = (f"{name}={item[name]}" for name in names if item.get(name, _DEFAULTS.get(name)) != _DEFAULTS.get(name))
    return f"[{','.join(shown)}]"


def resolve(value: Any, path: str) -> Any:
    """The value at a JSON pointer with merge keys, or `ABSENT`."""
    for step in parse(path):
        if isinstance(value, dict):
            value = value.get(step, ABSENT)
        elif isinstance(value, list):
            value = _item(value, step)
        else:
            return ABSENT
    return value


def position(items: Sequence[Any], step: str) -> int | None:
    """The index of the item that a step names; None without one."""
    if step.isdecimal():
        return int(step) if int(step) < len(items) else None
    rows = ((names, index) for names in _ALL for index, item in enumerate(items) if isinstance(item, dict))
    return next((index for names, index in rows if label(names, items[index]) == step), None)


def _identifies(names: MergeKey, items: Iterable[Any]) -> bool:
    labels = set()
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get(names[0]), str | int):
            return False
        text = label(names, item)
        if text in labels:
            return False
        labels.add(text)
    return True


def _item(items: list[Any], step: str) -> Any:
    index = position(items, step)
    return ABSENT if index is None else items[index]
