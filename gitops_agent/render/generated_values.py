"""Finds the values that a chart makes up, by rendering it twice.

Functions such as `randAlphaNum` and `genCA` give another value in each render, wherever a template puts it. Decision: what
differs between two renders of the same inputs is generated, and nothing else is. An object whose name, keys or lists differ
cannot be matched with what is live: it stays as rendered, and so does what names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.merge_keys import label, merge_key
from gitops_agent.manifest.pointer import pointer

_MOST = 1_000
_SHOWN = 3

_Steps = tuple[str, ...]


class _Unmatched(Exception):
    """Two renders of an object differ in more than values."""


def marked(first: Sequence[Manifest], second: Sequence[Manifest]) -> tuple[list[Manifest], list[str]]:
    """The first render with its generated fields, and warnings.

    Args:
        first: one render.
        second: another render of the same inputs.
    """
    others = {manifest.key: manifest for manifest in second}
    names = {manifest.key.name for manifest in first if manifest.key not in others}
    names -= {manifest.key.name for manifest in first if manifest.key in others}
    result, unmatched = [], []
    for manifest in first:
        other = others.get(manifest.key)
        paths = _paths(manifest, other, names) if other is not None else None
        if paths is None:
            unmatched.append(manifest.key)
        result.append(manifest.with_object(manifest.obj, generated=paths) if paths else manifest)
    return result, [_warning(unmatched)] if unmatched else []


def _paths(first: Manifest, second: Manifest, names: set[str]) -> tuple[str, ...] | None:
    """The generated fields; None for an object that cannot be matched."""
    if first.digest == second.digest:
        return ()
    try:
        rows = [steps for steps, value in _differing(first.obj, second.obj, ()) if not _mentions(value, names)]
    except _Unmatched:
        return None
    return tuple(pointer(*steps) for steps in rows) if len(rows) <= _MOST else None


def _differing(first: Any, second: Any, steps: _Steps) -> Iterator[tuple[_Steps, Any]]:
    """The single values that differ.

    Raises:
        _Unmatched: so do keys, or lists that have no keys.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        if first.keys() != second.keys():
            raise _Unmatched
        for name, value in first.items():
            yield from _differing(value, second[name], (*steps, name))
    elif isinstance(first, list) and isinstance(second, list):
        yield from _differing_items(first, second, steps)
    elif type(first) is not type(second) or first != second:
        if isinstance(first, dict | list) or isinstance(second, dict | list):
            raise _Unmatched
        yield steps, first


def _differing_items(first: list[Any], second: list[Any], steps: _Steps) -> Iterator[tuple[_Steps, Any]]:
    if len(first) != len(second):
        raise _Unmatched
    names = merge_key(steps[-1] if steps else "", first, second)
    for index, (item, other) in enumerate(zip(first, second, strict=True)):
        name = str(index)
        if names is not None and label(names, item) == label(names, other):
            name = label(names, item)
        yield from _differing(item, other, (*steps, name))


def _mentions(value: Any, names: set[str]) -> bool:
    """Whether a value names an object that has another name each time."""
    return isinstance(value, str) and any(name in value for name in names)


def _warning(keys: Sequence[ObjectKey]) -> str:
    shown = ", ".join(str(key) for key in sorted(keys)[:_SHOWN])
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{shown}{more}: a name, key or list differs in each render, so it is applied anew each time"
