"""Proves by field ownership that an object is unchanged since our apply.

For the time after a restart, when no baseline is remembered.

When another writer changes or removes a value that our manager owns, the API server takes that field out of our set. So an
object that carries the digest of what Git says, and in which our set still covers every field of the manifest, is as we left
it, however the server respelled quantities, completed references or webhooks changed values on the way in. No value is looked
at. The set is kept packed (a few hundred bytes an object) and only until there is a baseline.
"""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from gitops_agent.manifest.fields import UNOWNED, UNOWNED_METADATA, FieldSet, item_key, item_value, owned, step
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import DIGEST, FIELD_MANAGER

_FILLED = "!"


def pack(obj: Object, manager: str = FIELD_MANAGER) -> bytes | None:
    """The manager's field set, compressed; None when it never applied the object."""
    fields = owned(obj, manager)
    return None if fields is None else zlib.compress(orjson.dumps(_with_lists(fields, obj)), 1)


def covers(packed: bytes, desired: Object) -> bool:
    """Whether the set still owns the manifest's fields and digest annotation.

    The annotation says which manifest it was.

    Args:
        packed: what `pack` made of the live object.
        desired: the manifest's object whose digest the live object carries; with or without our marks.
    """
    fields: FieldSet = orjson.loads(zlib.decompress(packed))
    metadata = fields.get("f:metadata", {})
    if f"f:{DIGEST}" not in metadata.get("f:annotations", {}):
        return False
    spec = {name: value for name, value in desired.items() if name not in UNOWNED and name != "metadata"}
    meta = {name: value for name, value in (desired.get("metadata") or {}).items() if name not in UNOWNED_METADATA}
    return _covers(fields, spec) and _covers(metadata, meta)


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
