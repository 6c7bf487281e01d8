"""Proves by field ownership that an object is unchanged since our apply.

For the time after a restart, when no baseline is remembered.

When another writer changes or removes a value that our manager owns, the API server takes that field out of our set. So an
object that carries the digest of what Git says, and in which our set still covers every field of the manifest, is as we left
it, however the server respelled quantities, completed references or webhooks changed values on the way in.

A field manager is a name that any writer may use, so the set alone proves nothing about writers that use ours. The values are
compared as well, long texts by their hash; where they disagree (`agrees`), the API server is asked by a dry run.

Both are kept packed (a few hundred bytes an object) and only until there is a baseline.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import orjson

from gitops_agent.manifest.fields import (
    UNOWNED,
    UNOWNED_METADATA,
    FieldSet,
    desired_form,
    item_key,
    item_value,
    owned,
    projection,
    step,
)
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import DIGEST, FIELD_MANAGER
from gitops_agent.manifest.quantities import same_amount

_FILLED = "!"
_LONG = 40
"""Characters from which on a text is kept as its hash."""


def pack(obj: Object, manager: str = FIELD_MANAGER) -> bytes | None:
    """The manager's field set and values; None when it never applied."""
    fields = owned(obj, manager)
    if fields is None:
        return None
    return zlib.compress(orjson.dumps([_with_lists(fields, obj), _short(projection(obj, manager))]), 1)


def covers(packed: bytes, desired: Object) -> bool:
    """Whether the set still owns the manifest's fields and digest annotation.

    The annotation says which manifest it was.

    Args:
        packed: what `pack` made of the live object.
        desired: the manifest's object whose digest the live object carries; with or without our marks.
    """
    fields: FieldSet = orjson.loads(zlib.decompress(packed))[0]
    metadata = fields.get("f:metadata", {})
    if f"f:{DIGEST}" not in metadata.get("f:annotations", {}):
        return False
    spec = {name: value for name, value in desired.items() if name not in UNOWNED and name != "metadata"}
    meta = {name: value for name, value in (desired.get("metadata") or {}).items() if name not in UNOWNED_METADATA}
    return _covers(fields, spec) and _covers(metadata, meta)


def agrees(packed: bytes, desired: Object) -> bool:
    """Whether the live values are the manifest's, by their spelling.

    False means "not known", since webhooks and the server may have changed a value on the way in.

    Args:
        packed: what `pack` made of the live object.
        desired: see `covers`.
    """
    return _agrees(desired_form(desired), orjson.loads(zlib.decompress(packed))[1], ())


def _agrees(declared: Any, live: Any, steps: tuple[str, ...]) -> bool:
    if declared is None:
        return True  # empty: ownership says whether another writer filled it
    if isinstance(declared, dict):
        return isinstance(live, dict) and all(
            _agrees(value, live.get(name), (*steps, name)) for name, value in declared.items()
        )
    if isinstance(declared, list):
        return isinstance(live, list) and len(declared) == len(live) and _agree_items(declared, live, steps)
    return declared == live or _short(declared) == live or same_amount(steps, declared, live)


def _agree_items(declared: list[Any], live: list[Any], steps: tuple[str, ...]) -> bool:
    """Compares items in their order, and those with keys in any order."""
    if not all(isinstance(item, dict) for item in declared):
        return all(_agrees(item, other, steps) for item, other in zip(declared, live, strict=True))
    rest = list(live)
    for item in declared:
        match = next((index for index, other in enumerate(rest) if _agrees(item, other, steps)), None)
        if match is None:
            return False
        del rest[match]
    return True


def _short(value: Any) -> Any:
    """A value in which long texts are replaced by their hashes."""
    if isinstance(value, dict):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, str) and len(value) > _LONG:
        return hashlib.sha256(value.encode()).hexdigest()[:_LONG]
    return value


def _with_lists(fields: FieldSet, live: Any) -> FieldSet:
    """The set with lists beside our fields that others filled.

    An empty list of items with keys is not owned at all, so nothing is lost when another writer fills it; this records it.
    """
    result: FieldSet = {}
    for element, below in fields.items():
        position = step(element, live) if below else None
        result[element] = below if position is None else _with_lists(below, live[position])
    if isinstance(live, dict):
        filled = [name for name, value in live.items() if value and isinstance(value, list) and f"f:{name}" not in fields]
        if filled:
            result[_FILLED] = filled
    return result


def _covers(fields: FieldSet, value: Any) -> bool:
    if not fields or not value:
        return True  # a leaf owns all below it; an empty container has nothing below it to lose
    if isinstance(value, dict):
        for name, item in value.items():
            below = fields.get(f"f:{name}")
            if below is None and (item != [] or name in fields.get(_FILLED, ())):
                return False
            if below and not _covers(below, item):
                return False
        return True
    return isinstance(value, list) and _covers_items(fields, value)


def _covers_items(fields: FieldSet, items: list[Any]) -> bool:
    keyed = [(*item_key(element), below) for element, below in fields.items() if element[:2] == "k:"]
    if not keyed:
        values = [item_value(element) for element in fields if element[:2] == "v:"]
        return all(item in values or f"i:{index}" in fields for index, item in enumerate(items))
    # An item may leave out key fields that the server defaults (a port's protocol), so the most explicit items choose first.
    names = keyed[0][0]
    for item in sorted(items, key=lambda item: -sum(name in item for name in names) if isinstance(item, dict) else 0):
        match = next((entry for entry in keyed if isinstance(item, dict) and _names(entry[0], entry[1], item)), None)
        if match is None or not _covers(match[2], {name: value for name, value in item.items() if name not in names}):
            return False
        keyed.remove(match)
    return True


def _names(names: tuple[str, ...], values: tuple[Any, ...], item: dict[str, Any]) -> bool:
    return all(item.get(name, value) == value for name, value in zip(names, values, strict=True))
