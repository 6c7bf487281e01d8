"""Reads a part of a JSON answer: `$.data.items[0].value` or `/data/items/0/value`.

Both common spellings are read: a path with dots and brackets (a JSONPath without filters or wildcards) and an RFC 6901 pointer.
One path names one place; what lies there is the result.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from gitops_agent.manifest.pointer import parse
from gitops_agent.rollout.analysis.http_query import QueryInvalid

Step: TypeAlias = str | int

STEP_LIMIT = 64
_STEP = re.compile(
    r"""\.?(?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    |\[(?P<index>-?[0-9]{1,9})\]
    |\[(?P<quote>["'])(?P<key>.*?)(?P=quote)\]""",
    re.VERBOSE,
)


def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path; none for an empty path or `$`.

    Raises:
        QueryInvalid: the path cannot be read or is too long.
    """
    result = parse(path) if path.startswith("/") else _dotted(path)
    if len(result) > STEP_LIMIT:
        raise QueryInvalid(f"the path {path[:80]!r} has {len(result)} steps, {STEP_LIMIT} are allowed")
    return result


def at(answer: Any, path: tuple[Step, ...]) -> Any:
    """The value at the path; None when absent."""
    for step in path:
        if isinstance(answer, list):
            index = _index(step)
            answer = answer[index] if index is not None and -len(answer) <= index < len(answer) else None
        elif isinstance(answer, dict):
            answer = answer.get(str(step))
        else:
            return None
    return answer


def _index(step: Step) -> int | None:
    if isinstance(step, int):
        return step
    return int(step) if step.isascii() and step.isdigit() and len(step) < 10 else None  # noqa: PLR2004 - as in the pattern


def _dotted(path: str) -> tuple[Step, ...]:
    position = 1 if path.startswith("$") else 0
    result: list[Step] = []
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise QueryInvalid(f"the path {path[:80]!r} cannot be read from character {position + 1} on")
        index = match.group("index")
        result.append(int(index) if index is not None else match.group("name") or match.group("key") or "")
        position = match.end()
    return tuple(result)
