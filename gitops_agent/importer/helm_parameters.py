"""Helm's `--set` parameters as values.

A parameter names a place (`a.b[0].c`, with a backslash before a dot in a name) and a text that Helm gives a type. Values say
the same without an order of their own; a list index fills the items before it with null, and the list then replaces the one
of a values file.
"""

from __future__ import annotations

import re
from typing import Any

from gitops_agent.manifest.key import Object

MOST_ITEMS = 1000
_STEP = re.compile(r"(?:\A|\.)(?P<name>(?:\\.|[^.\[\\])+)|\[(?P<index>[0-9]{1,6})\]")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}


def set_parameter(values: Object, name: str, text: str, *, force_string: bool = False) -> bool:
    """Writes one parameter into values; whether a list was touched.

    Raises:
        ValueError: the name is no place, or an index is larger than 1000.
    """
    steps = place(name)
    value = text if force_string else _typed(text)
    here: Any = values
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, int):
            here.extend([None] * (step + 1 - len(here)))
            present = here[step]
        else:
            present = here.get(step)
        if following is None:
            here[step] = value
            break
        empty: Any = [] if isinstance(following, int) else {}
        if not isinstance(present, type(empty)):
            here[step] = present = empty
        here = present
    return any(isinstance(step, int) for step in steps)


def place(name: str) -> list[str | int]:
    """The steps to the value that a parameter names.

    Raises:
        ValueError: as above.
    """
    steps: list[str | int] = []
    end = 0
    for match in _STEP.finditer(name):
        if match.start() != end:
            break
        end = match.end()
        if match["name"] is not None:
            steps.append(re.sub(r"\\(.)", r"\1", match["name"]))
        else:
            steps.append(int(match["index"]))
    if end != len(name) or not steps or isinstance(steps[0], int):
        raise ValueError(f"{name[:80]!r} is not the name of a parameter")
    if any(isinstance(step, int) and step > MOST_ITEMS for step in steps):
        raise ValueError(f"{name[:80]!r} has an index larger than {MOST_ITEMS}")
    return steps


def _typed(text: str) -> Any:
    """The value that Helm makes of a text."""
    if text in _WORDS:
        return _WORDS[text]
    if text.startswith("{") and text.endswith("}"):
        return [_typed(part.strip()) for part in text[1:-1].split(",")] if text != "{}" else []
    return int(text) if _INTEGER.fullmatch(text) else text
