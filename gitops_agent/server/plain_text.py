"""Texts of others as one line of plain text.

Commit messages, authors and messages of controllers are anything. The page never makes HTML of them; here only control
characters and right-to-left overrides go, which could make a line read as another one.
"""

from __future__ import annotations

import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_KEPT = frozenset({"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"})


def plain(text: str, letters: int = 4096) -> str:
    """The text as one line of at most so many letters."""
    line = " ".join(text.split())
    if not line.isascii() or not line.isprintable():
        line = "".join(each if _shown(each) else "\N{REPLACEMENT CHARACTER}" for each in line)
    return line if len(line) <= letters else line[: letters - 1] + "…"


def _shown(letter: str) -> bool:
    return letter in _KEPT or unicodedata.category(letter) not in _INVISIBLE
