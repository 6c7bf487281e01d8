"""Finds phrases in what a server or git printed, in linear time.

Problem: a server may send megabytes, and a pattern with `.*` in its middle starts again at every place where its beginning
stands. Decision: a phrase with a gap is two patterns, and a line in which the first one stands but not the second one after it
is left at once: its later places cannot do better.
"""

from __future__ import annotations

import re

_MOST = 64 * 1024
"""Characters that are read, half of them from each end: reasons stand outside."""


class Phrases:
    """A set of phrases, found without regard to case.

    Args:
        pattern: phrases without repetitions of unlimited length.
        gaps: pairs of such patterns that stand on one line, the second one somewhere after the first one.
    """

    def __init__(self, pattern: str, *gaps: tuple[str, str]) -> None:
        self._pattern = re.compile(pattern, re.IGNORECASE)
        self._gaps = tuple((re.compile(first, re.IGNORECASE), re.compile(second, re.IGNORECASE)) for first, second in gaps)

    def find(self, text: str) -> int | None:
        """Where the first of the phrases stands, None when there is none."""
        match = self._pattern.search(text)
        if match is not None:
            return match.start()
        starts = (start for first, second in self._gaps if (start := _gapped(first, second, text)) is not None)
        return next(starts, None)


def ends(text: str) -> str:
    """Beginning and end of a text too long to be searched."""
    return text if len(text) <= _MOST else f"{text[: _MOST // 2]}\n{text[-_MOST // 2 :]}"


def _gapped(first: re.Pattern[str], second: re.Pattern[str], text: str) -> int | None:
    position = 0
    while (match := first.search(text, position)) is not None:
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        if second.search(text, match.end(), end) is not None:
            return match.start()
        position = end
    return None
