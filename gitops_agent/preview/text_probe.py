"""Finds a value inside of a longer text of a file.

A patch in a kustomization, a script or a configuration file is one scalar of its file, so a probe at its end would break what
it holds. The value is looked for as a word of it, and changed there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.scalar_places import ScalarPlace

_LONGEST = 64 * 1024
_MOST_PLACES = 5
_WORD = r"[\w.:/@-]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPlace:
    """A value inside of a block of text.

    Attributes:
        line: of the file, one-based; that of the whole text where lines are folded.
        shown: the line it stands in.
        changed: the whole text with the probe, as YAML in place of the scalar.
    """

    line: int
    shown: str
    changed: str


def text_places(body: str, place: ScalarPlace, text: str, probed: str) -> Iterator[TextPlace]:
    """A few places of a value in a block of text.

    Args:
        body: the decoded file.
        place: a scalar of it.
        text: the value.
        probed: what is to stand in its place.
    """
    style = body[place.start : place.start + 1]
    if (style not in ("|", ">") and "\n" not in place.text) or len(place.text) > _LONGEST or not text.strip():
        return
    literal, end = style == "|", "\n" if body[: place.end].endswith("\n") else ""
    matches = re.finditer(rf"(?<!{_WORD}){re.escape(text)}(?!{_WORD})", place.text)
    for match, _ in zip(matches, range(_MOST_PLACES), strict=False):
        before, after = place.text[: match.start()], place.text[match.end() :]
        yield TextPlace(
            line=place.line + (1 + before.count("\n") if literal else 0),
            shown=(before.rpartition("\n")[2] + text + after.partition("\n")[0]).strip(),
            changed=json.dumps(before + probed + after) + end,
        )


def probe_of(value: Any, probe: str) -> str:
    """Another value of the same type, as a text.

    Args:
        value: of the field.
        probe: what marks a changed text.
    """
    if isinstance(value, bool):
        return json.dumps(not value)
    return str(value + 1) if isinstance(value, int) else f"{value}{probe}"
