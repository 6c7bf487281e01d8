"""Reads raw objects without trusting them.

A status is written by other controllers, sometimes manually, and Git may hold anything: a number may be text, a list may be a
map. Each accessor returns a value of the promised type for whatever it is given, so its caller never raises.
"""

from __future__ import annotations

from typing import Any

from gitops_agent.manifest.key import Object

_DIGITS = 18
"""Digits of a text that surely fit into 64 bits."""


def mapping(value: Any, *path: str) -> Object:
    """The map at a path below `value`; empty when there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Object]:
    """The maps in a list; empty when it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any, default: int = 0) -> int:
    """An integer, or its text (Argo Rollouts); `default` for anything else."""
    if isinstance(value, bool):
        return default
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    return default
