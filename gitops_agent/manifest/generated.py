"""Fields whose values a render makes up: passwords, keys, certificates.

They are known by JSON pointers with merge keys. What an object is compared and named by leaves them out, so a render with other
values is the same render; what is sent has the values that are live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.merge_keys import ABSENT, position, resolve
from gitops_agent.manifest.pointer import parse, pointer

SHOWN = "<generated>"
"""What people read instead of a generated value."""

_DATA = "/data/"
_PLAIN_DATA = "/stringData/"


def blanked(obj: Object, paths: Iterable[str], text: str = SHOWN) -> Object:
    """The object with a text for its generated values; itself without any."""
    return replaced(obj, {path: text for path in paths if resolve(obj, path) is not ABSENT})


def replaced(obj: Object, values: Mapping[str, Any]) -> Object:
    """A copy with other values at the paths that exist."""
    result = obj
    for path, value in values.items():
        result = _with(result, parse(path), value)
    return result


def counterpart(declared: Object, live: Object, path: str) -> Any:
    """The live value of a declared field, or `ABSENT`.

    A position in a list only means the same item where both lists are equally long.
    """
    steps = parse(path)
    for depth, step in enumerate(steps):
        holder = pointer(*steps[:depth])
        ours, theirs = resolve(declared, holder), resolve(live, holder)
        if type(ours) is not type(theirs) or (isinstance(ours, list) and step.isdecimal() and len(ours) != len(theirs)):
            return ABSENT
    return resolve(live, path)


def encoded(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths in a Secret whose `stringData` became `data`."""
    return tuple(_DATA + path.removeprefix(_PLAIN_DATA) if path.startswith(_PLAIN_DATA) else path for path in paths)


def _with(value: Any, steps: tuple[str, ...], new: Any) -> Any:
    if not steps:
        return new
    name, *rest = steps
    if isinstance(value, dict) and name in value:
        return {**value, name: _with(value[name], tuple(rest), new)}
    index = position(value, name) if isinstance(value, list) else None
    if index is None:
        return value
    return [*value[:index], _with(value[index], tuple(rest), new), *value[index + 1 :]]
