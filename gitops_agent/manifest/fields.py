"""The owned projection: our fields of a live object, by managedFields.

Problem: a live object differs from its manifest in a hundred honest ways (defaults, controllers, webhooks), so comparing the
two says little, and asking the server (dry-run) costs a request an object. Decision: server-side apply records exactly which
fields our manager owns; the live values at these fields, hashed, are the object as far as it is ours. The hash right after an
apply is the baseline; another hash later is drift, whatever others did elsewhere in the object.

`desired_hash` puts a manifest into the same form, so that for most objects the two agree without any baseline. They do not
agree where the server respells (`1000m`) or completes a value we own as a whole (`fieldRef`); there the baseline decides, and
after a restart `ownership.covers` does.

One form for both sides: whatever is empty at a field we own (null, `{}`, `[]`, `false`, 0, an empty text) reads None, because
the server keeps some of these and drops others. Nothing is lost: a writer that changes such a value takes the field out of
our set. Integral floats are integers, and our four marks are left out, they are not part of what Git says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPLICATION, DIGEST, FIELD_MANAGER, ID, REVISION

FieldSet: TypeAlias = dict[str, Any]
"""A FieldsV1 tree: `f:` fields, `k:` items by key, `v:` items by value, `i:` items by index, `.` the thing itself; `{}` is a
leaf."""

MARKS = frozenset({APPLICATION, ID, DIGEST, REVISION})
UNOWNED = frozenset({"apiVersion", "kind", "status"})
"""Top-level fields that an apply does not own, or that we never send."""
SERVER_METADATA = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "selfLink", "managedFields"}
)
"""Metadata that only the server writes; in a manifest it is left over from an export."""
UNOWNED_METADATA = SERVER_METADATA | {"name", "namespace"}

_SAFE_INTEGER = 2**53


def owned(obj: Object, manager: str = FIELD_MANAGER) -> FieldSet | None:
    """The manager's field set from applies; None when it never applied.

    Of the object itself, not of a subresource.
    """
    result: FieldSet | None = None
    for entry in _entries(obj):
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields = entry.get("fieldsV1")
            if isinstance(fields, dict):
                result = fields if result is None else _union(result, fields)
    return result


def projection(obj: Object, manager: str = FIELD_MANAGER) -> Object | None:
    """The live values of the manager's applied fields, in common form.

    None when it never applied.

    Items of associative lists stand in live order. The object is not changed and parts of it are shared with the result.
    """
    fields = owned(obj, manager)
    if fields is None:
        return None
    others = tuple(
        entry["fieldsV1"]
        for entry in _entries(obj)
        if not (entry.get("manager") == manager and entry.get("operation") == "Apply")
        and not entry.get("subresource")
        and isinstance(entry.get("fieldsV1"), dict)
    )
    result = _project(obj, fields, others)
    return _unmarked(result) if isinstance(result, dict) else {}


def projection_hash(obj: Object, manager: str = FIELD_MANAGER) -> str:
    """The digest of the projection; empty when the manager never applied."""
    value = projection(obj, manager)
    return "" if value is None else digest(value)


def desired_form(obj: Object) -> Object:
    """A desired object, marked or not, in the form of `projection`."""
    result = {name: normal(value) for name, value in obj.items() if name not in UNOWNED}
    metadata = obj.get("metadata") or {}
    result["metadata"] = {name: normal(value) for name, value in metadata.items() if name not in UNOWNED_METADATA}
    return _unmarked(result)


def desired_hash(obj: Object) -> str:
    """The digest that `projection_hash` has after an unmodified apply."""
    return digest(desired_form(obj))


def normal(value: Any) -> Any:
    """A JSON value in common form: empty is None, integral floats integers."""
    kind = type(value)
    if kind is dict:
        return {name: normal(item) for name, item in value.items()} or None
    if kind is list:
        return [normal(item) for item in value] or None
    if kind is float and value.is_integer() and abs(value) < _SAFE_INTEGER:
        return int(value) or None
    return value or None


@lru_cache(maxsize=8192)
def item_key(element: str) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The names and values of a `k:` element of a field set.

    `k:{"port":80,"protocol":"TCP"}` is `(("port", "protocol"), (80, "TCP"))`.
    """
    fields: dict[str, Any] = orjson.loads(element[2:])
    return tuple(fields), tuple(fields.values())


@lru_cache(maxsize=8192)
def item_value(element: str) -> Any:
    """The value of a `v:` element."""
    return orjson.loads(element[2:])


def step(element: str, live: Any) -> str | int | None:
    """The key or index of an element of a field set.

    In a live value; None when it is not there.
    """
    kind, text = element[:2], element[2:]
    if kind == "f:":
        return text if isinstance(live, dict) and text in live else None
    if not isinstance(live, list):
        return None
    if kind == "k:":
        names, key = item_key(element)
        items = ((i, tuple(item.get(name) for name in names)) for i, item in enumerate(live) if isinstance(item, dict))
        return next((i for i, candidate in items if candidate == key), None)
    if kind == "v:":
        value = item_value(element)
        return live.index(value) if value in live else None
    return int(text) if kind == "i:" and int(text) < len(live) else None


def _entries(obj: Object) -> Iterable[Mapping[str, Any]]:
    entries = (obj.get("metadata") or {}).get("managedFields") or ()
    return (entry for entry in entries if isinstance(entry, dict))


def _union(left: FieldSet, right: FieldSet) -> FieldSet:
    result = dict(left)
    for element, below in right.items():
        result[element] = _union(result[element], below) if element in result else below
    return result


def _project(live: Any, fields: FieldSet, others: tuple[FieldSet, ...]) -> Any:
    if type(live) is dict:
        result = {}
        for element, below in fields.items():
            if element[:2] == "f:":
                name = element[2:]
                value = live.get(name)
                beside = tuple(other[element] for other in others if other.get(element)) if others else ()
                result[name] = _project(value, below, beside) if below else _leaf(value, beside)
        return result or None
    if type(live) is list:
        return _project_items(live, fields, others) or None
    return normal(live)


def _leaf(value: Any, others: tuple[FieldSet, ...]) -> Any:
    """A value owned as a whole, or a container others filled.

    For us that container is still empty.
    """
    if value and others and type(value) in (dict, list):
        return None
    return normal(value)


def _project_items(live: list[Any], fields: FieldSet, others: tuple[FieldSet, ...]) -> list[Any]:
    by_key: dict[tuple[str, ...], dict[tuple[Any, ...], str]] = {}
    values: set[Any] = set()
    indexes: dict[int, str] = {}
    for element in fields:
        if element[:2] == "k:":
            names, key = item_key(element)
            by_key.setdefault(names, {})[key] = element
        elif element[:2] == "v:":
            values.add(_hashable(item_value(element)))
        elif element[:2] == "i:":
            indexes[int(element[2:])] = element
    result = []
    for index, item in enumerate(live):
        position = indexes.get(index)
        if position is None and by_key and type(item) is dict:
            for names, keys in by_key.items():
                position = keys.get(tuple([item.get(name) for name in names]))
                if position is not None:
                    break
        if position is not None:
            below = fields[position]
            beside = tuple(other[position] for other in others if other.get(position)) if others else ()
            result.append(_project(item, below, beside) if below else _leaf(item, beside))
        elif values and _hashable(item) in values:
            result.append(normal(item))
    return result


def _hashable(value: Any) -> Any:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS) if type(value) in (dict, list) else value


def _unmarked(form: Object) -> Object:
    """The form without our marks and the maps they leave empty.

    Those are labels, annotations or metadata.
    """
    metadata = form.get("metadata")
    kept: Object = {}
    if isinstance(metadata, dict):
        for name, value in metadata.items():
            if name in ("labels", "annotations"):
                left = {key: text for key, text in (value or {}).items() if key not in MARKS}
                if left:
                    kept[name] = left
            else:
                kept[name] = value
    result = {name: value for name, value in form.items() if name != "metadata"}
    if kept:
        result["metadata"] = kept
    return result
