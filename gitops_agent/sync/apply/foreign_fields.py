"""Removes fields that people added to an object beside what Git declares.

A server-side apply never removes what others added, so additions are removed by a JSON patch: tested against the version they
were read from, only fields that people and earlier tools alone own, items of lists from the last to the first. The writers'
entries in managedFields are cut by the same paths, because the server fills defaults in again: without that, a default that an
earlier `kubectl apply` happened to own would be found, removed and filled in for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.edits import FieldEdit
from gitops_agent.manifest.fields import FieldSet, step
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.merge_keys import label, merge_key, resolve
from gitops_agent.manifest.pointer import parse

_MANAGED = "/metadata/managedFields"


def removal_patch(live: Object, edits: Iterable[FieldEdit]) -> list[Object]:
    """JSON patch that removes the edits from the live object.

    Empty when there are none.

    The object is not changed. The first operation tests the resource version.
    """
    paths = sorted({edit.path for edit in edits}, key=order, reverse=True)
    if not paths:
        return []
    metadata = live.get("metadata") or {}
    entries = list(copy(metadata.get("managedFields") or []))
    managers = {(edit.manager, edit.operation) for edit in edits}
    kept = []
    for entry in entries:
        if (entry.get("manager"), entry.get("operation")) in managers and isinstance(entry.get("fieldsV1"), dict):
            for path in paths:
                _cut(entry["fieldsV1"], live, parse(path))
            if not _owns(entry["fieldsV1"]):
                continue
        kept.append(entry)
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")},
        *({"op": "remove", "path": path} for path in paths),
        {"op": "replace", "path": _MANAGED, "value": kept},
    ]


def exchange_patch(live: Object, edits: Iterable[FieldEdit], declared: Object) -> list[Object]:
    """JSON patch that replaces undeclared items of lists by declared ones.

    Empty when no edit is an item of a declared list. A Service whose port was renumbered refuses the apply, because the
    declared port beside the other one needs a name, and refuses the removal of its only port; so both happen at once.

    Args:
        live: the object; it is not changed.
        edits: what others added.
        declared: what is to be applied.
    """
    items: dict[str, set[int]] = {}
    chosen = []
    for edit in edits:
        parent, _, last = edit.path.rpartition("/")
        whole = resolve(live, edit.path)
        if isinstance(whole, list) and isinstance(resolve(declared, edit.path), list):
            items.setdefault(edit.path, set()).update(range(len(whole)))  # none of its items is ours any more
        elif last.isdecimal() and isinstance(resolve(live, parent), list) and isinstance(resolve(declared, parent), list):
            items.setdefault(parent, set()).add(int(last))
        else:
            continue
        chosen.append(edit)
    replaced = []
    for parent, positions in items.items():
        stays = [item for position, item in enumerate(resolve(live, parent)) if position not in positions]
        required = resolve(declared, parent)
        names = merge_key(parse(parent)[-1], stays, required)
        if names is None:
            return []
        labels = {label(names, item) for item in stays}
        missing = [item for item in required if label(names, item) not in labels]
        replaced.append({"op": "replace", "path": parent, "value": [*stays, *missing]})
    removed = removal_patch(live, chosen)
    return [removed[0], *replaced, removed[-1]] if replaced else []


def release_patch(live: Object, manager: str) -> list[Object]:
    """JSON patch that drops a manager's ownership; empty without any."""
    metadata = live.get("metadata") or {}
    entries = metadata.get("managedFields") or []
    kept = [entry for entry in entries if entry.get("manager") != manager]
    if len(kept) == len(entries):
        return []
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")}
    return [test, {"op": "replace", "path": _MANAGED, "value": kept}]


def order(path: str) -> list[tuple[int, int, str]]:
    """Sort key with numeric indexes: item 10 is removed before item 9."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parse(path)]


def _cut(fields: FieldSet, live: Any, steps: tuple[str, ...]) -> bool:
    """Removes a path from a field set; returns whether it became empty."""
    for element in list(fields):
        position = step(element, live)
        if position is None or str(position) != steps[0]:
            continue
        if len(steps) == 1 or _cut(fields[element], live[position], steps[1:]):
            del fields[element]
    return not _owns(fields)


def _owns(fields: FieldSet) -> bool:
    return any(element != "." for element in fields)
