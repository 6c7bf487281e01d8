"""Reads a field as people write it: `spec.template.spec.containers[web].image`.

An item of a list is named by its position or by what its merge key says. Which of them is meant is decided by the object, so a
name that is not there is refused with those that are.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from gitops_agent.errors import UsageError, did_you_mean
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.merge_keys import label, merge_key
from gitops_agent.manifest.pointer import pointer

_STEP = re.compile(r"\.?([^.\[\]]++)|\[([^\[\]]*+)\]")
_SHOWN = 5
_LONGEST = 1000


def pointer_of(text: str, obj: Object) -> str:
    """The JSON pointer of a field; items of lists by merge keys.

    Raises:
        UsageError: the text is no field, or the object has none of that name.
    """
    value: Any = obj
    steps: list[str] = []
    for name in _steps(text):
        step, value = _below(value, name, text=text, field=steps[-1] if steps else "")
        steps.append(step)
    return pointer(*steps)


def _steps(text: str) -> list[str]:
    """The names of the steps, as they were written."""
    names, end = [], 0
    text = text.removeprefix(".")
    for match in _STEP.finditer(text[:_LONGEST]):
        if match.start() != end:
            break
        names.append(match[1] if match[1] is not None else match[2])
        end = match.end()
    if end != len(text) or not names:
        raise UsageError(f"{text[:_LONGEST]!r} is not a field such as spec.template.spec.containers[web].image")
    return names


def _below(value: Any, name: str, *, text: str, field: str) -> tuple[str, Any]:
    """The step to a value, and the value."""
    if isinstance(value, dict):
        if name in value:
            return name, value[name]
        raise _absent(text, name, list(value))
    if isinstance(value, list):
        names = merge_key(field, value, value)
        labels = [label(names, item) for item in value] if names is not None else []
        for step, item in zip(labels, value, strict=False):
            if names is not None and name in {step.strip("[]"), str(item[names[0]])}:
                return step, item
        if name.isascii() and name.isdigit() and int(name) < len(value):
            return labels[int(name)] if labels else name, value[int(name)]
        raise _absent(text, name, [str(item[names[0]]) for item in value] if names else [f"0 to {len(value) - 1}"])
    raise UsageError(f"{text}: there is nothing below the field before {name}")


def _absent(text: str, name: str, others: list[str]) -> UsageError:
    near = difflib.get_close_matches(name, others, n=3)
    there = f"; there are {', '.join(others[:_SHOWN])}{' and others' if len(others) > _SHOWN else ''}" if others else ""
    return UsageError(f"{text}: the live object has no {name} there{did_you_mean(near) if near else there}")
