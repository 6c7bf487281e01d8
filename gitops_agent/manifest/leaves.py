"""Walks the single values of an object, with their field paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Steps = tuple[str, ...]
"""Names of fields, and positions in lists as `[0]`."""


def leaves(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Every value but maps and lists, with its steps."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from leaves(below, (*steps, str(name)))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from leaves(below, (*steps, f"[{index}]"))
    else:
        yield steps, value


def begins_somewhere(value: Any, prefix: str) -> bool:
    """Whether any text begins so; cheaper than `leaves`."""
    stack = [value]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is dict:
            stack.extend(node.values())
        elif kind is list:
            stack.extend(node)
        elif kind is str and node.startswith(prefix):
            return True
    return False


def dotted(steps: Sequence[str]) -> str:
    """Steps as people write them: `spec.containers[0].image`."""
    return ".".join(steps).replace(".[", "[")
