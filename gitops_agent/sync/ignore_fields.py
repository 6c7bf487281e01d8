"""Fields left to other controllers (`spec.sync.ignoreFields`): never sent, never drift.

A field is named by a JSON pointer in which `*` stands for any step, and `[name=web]` for the items of a list that have this
value: positions change when an item is inserted, names do not.

Or it is named by its owner: what a field manager owns in the live object is not sent, as long as that manager owns it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from gitops_agent.api.sync_options import IgnoreFields
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.fields import FieldSet, item_key, step
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import FIELD_MANAGER
from gitops_agent.manifest.pointer import parse
from gitops_agent.manifest.reading import items, mapping

_SELECTION = re.compile(r"\[([A-Za-z0-9_.-]+)=(.*)\]", re.DOTALL)
IDENTITY = frozenset({("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")})
"""Fields that cannot be ignored: without them an object has no identity."""


def paths(key: ObjectKey, exemptions: Iterable[IgnoreFields]) -> tuple[str, ...]:
    """The JSON pointers that are ignored in an object."""
    return tuple(dict.fromkeys(path for rule in _rules(key, exemptions) for path in rule.paths))


def managers(key: ObjectKey, exemptions: Iterable[IgnoreFields]) -> tuple[str, ...]:
    """The field managers to which fields of an object are left."""
    return tuple(dict.fromkeys(name for rule in _rules(key, exemptions) for name in rule.managers))


def manages(manager: str, names: Iterable[str]) -> bool:
    """Whether a field manager is one of those named."""
    return manager != FIELD_MANAGER and any(fnmatchcase(manager, name) for name in names)


def without_managed(obj: Object, live: Object, names: Sequence[str]) -> Object:
    """The object without fields of other managers; itself without any.

    Args:
        obj: as declared.
        live: the same object with its `managedFields`.
        names: of the managers.
    """
    result = obj
    for entry in items(mapping(live, "metadata").get("managedFields")):
        if entry.get("subresource") != "status" and manages(str(entry.get("manager")), names):
            result = copy(obj) if result is obj else result
            _leave(result, mapping(entry, "fieldsV1"), keep=())
    return obj if result == obj else result


def _leave(value: Any, fields: FieldSet, *, keep: Sequence[str]) -> None:
    """Removes the fields of a set from a value, but for `keep`."""
    gone: list[Any] = []
    for element, below in fields.items():
        kind, name_or_index = element[:2], _place(element, value)
        if name_or_index is None or (kind == "f:" and name_or_index in keep):
            continue
        inner = {name: rest for name, rest in below.items() if name != "."}
        if inner:
            _leave(value[name_or_index], inner, keep=item_key(element)[0] if kind == "k:" else ())
        if (not below and kind in ("f:", "v:")) or (inner and value[name_or_index] == {}):
            gone.append(name_or_index)
    for name_or_index in sorted(gone, reverse=True):
        del value[name_or_index]


def _place(element: str, value: Any) -> Any:
    """Where an element of a field set is in a declared value.

    None when it is not there. A declared item may lack keys that the API server has defaulted.
    """
    if not element.startswith("k:") or not isinstance(value, list):
        return step(element, value)
    keys = dict(zip(*item_key(element), strict=True))
    for index, item in enumerate(value):
        keyed = isinstance(item, dict) and any(name in item for name in keys)
        if keyed and all(item.get(name, key) == key for name, key in keys.items()):
            return index
    return None


def _rules(key: ObjectKey, exemptions: Iterable[IgnoreFields]) -> Iterator[IgnoreFields]:
    kinds = (key.kind, str(key.group_kind))
    return (rule for rule in exemptions if rule.kind in kinds and fnmatchcase(key.name, rule.name))


def covers(exempt: Iterable[str], path: str, obj: Object | None = None) -> bool:
    """Whether a path is at or below an ignored pointer.

    Args:
        exempt: the pointers.
        path: of one field, items of lists by their position.
        obj: where the path leads through; without it no item is recognized by a value.
    """
    steps = parse(path)
    return any(len(pattern) <= len(steps) and _matches(pattern, steps, obj) for pattern in map(parse, exempt))


def _matches(pattern: Sequence[str], steps: Sequence[str], value: Any) -> bool:
    """Whether the first steps of a path are those of a pattern."""
    for want, name in zip(pattern, steps, strict=False):
        if want != name and name not in map(str, _names(value, want)) and want != "*":
            return False
        here = _names(value, name)
        value = value[here[0]] if here else None
    return True


def without(obj: Object, exempt: Sequence[str]) -> Object:
    """The object without some fields; the same object when it has none.

    Fields are given as JSON pointers.

    A map that becomes empty goes too: to send `{}` would be to own it.
    """
    patterns = [steps for steps in map(parse, exempt) if steps and steps not in IDENTITY]
    if not any(_has(obj, steps) for steps in patterns):
        return obj
    result = copy(obj)
    for steps in patterns:
        _remove(result, steps)
    return result


def _names(value: Any, step: str) -> list[Any]:
    """The names or indexes that a step of a pointer matches."""
    if isinstance(value, dict):
        return list(value) if step == "*" and "*" not in value else [name for name in (step,) if name in value]
    if isinstance(value, list):
        if step == "*":
            return list(range(len(value)))
        if selection := _SELECTION.fullmatch(step):
            name, text = selection.groups()
            return [index for index, item in enumerate(value) if isinstance(item, dict) and _text(item.get(name)) == text]
        return [int(step)] if step.isascii() and step.isdigit() and int(step) < len(value) else []
    return []


def _text(value: Any) -> str | None:
    """A text, number or boolean as YAML spells it, else None."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _has(value: Any, steps: tuple[str, ...]) -> bool:
    return not steps or any(_has(value[name], steps[1:]) for name in _names(value, steps[0]))


def _remove(value: Any, steps: tuple[str, ...]) -> None:
    for name in reversed(_names(value, steps[0])):
        if len(steps) > 1:
            before = value[name]
            full = bool(before)
            _remove(before, steps[1:])
            if full and before == {}:
                del value[name]
        else:
            del value[name]
