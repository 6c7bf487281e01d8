"""Matches shell patterns at either end of a text in linear time.

Patterns come from Git and texts from a cluster, so neither may make a match slow. All positions that the pattern could be in
are kept as the bits of one number, which every character advances at once, so nothing is tried twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST = 512
"""Items of a pattern."""


class PatternError(ValueError):
    """A text is no pattern; the message completes "the pattern …"."""


@dataclass(frozen=True, slots=True)
class _Class:
    """A set of characters, such as `[a-z]`."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def holds(self, character: str) -> bool:
        return any(first <= character <= last for first, last in self.ranges) != self.negated


_ANY, _STAR = object(), object()
_Item = object
"""A character, a class, or one of the two above."""


class Pattern:
    """A shell pattern.

    `*` stands for any text, `?` for any character, `[a-z]` and `[^a-z]` for sets; a backslash makes the
    next character literal.

    Args:
        text: the pattern.

    Raises:
        PatternError: it is malformed or too long.
    """

    def __init__(self, text: str) -> None:
        self._items = _items(text)

    def prefix(self, text: str, *, longest: bool, least: int = 0) -> int | None:
        """The length of a matching beginning of a text; None without one.

        Args:
            text: any.
            longest: the longest such beginning instead of the shortest.
            least: the length it must have.
        """
        return _matched(self._items, text, longest=longest, least=least)

    def suffix(self, text: str, *, longest: bool, least: int = 0) -> int | None:
        """The length of a matching end, likewise."""
        return _matched(self._items[::-1], text[::-1], longest=longest, least=least)


def _items(text: str) -> list[_Item]:
    items: list[_Item] = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "*":
            if not items or items[-1] is not _STAR:
                items.append(_STAR)
        elif character == "?":
            items.append(_ANY)
        elif character == "[":
            item, position = _class(text, position)
            items.append(item)
        elif character == "\\":
            if position == len(text):
                raise PatternError("ends with a backslash")
            items.append(text[position])
            position += 1
        else:
            items.append(character)
    if len(items) > _LONGEST:
        raise PatternError(f"has more than {_LONGEST} characters")
    return items


def _class(text: str, position: int) -> tuple[_Class, int]:
    """The set that opens before a position, and where it has ended."""
    negated = text.startswith("^", position)
    position += negated
    ranges: list[tuple[str, str]] = []
    while not (text.startswith("]", position) and ranges):
        first, position = _member(text, position)
        last = first
        if text.startswith("-", position) and not text.startswith("-]", position):
            last, position = _member(text, position + 1)
        ranges.append((first, last))
    return _Class(tuple(ranges), negated), position + 1


def _member(text: str, position: int) -> tuple[str, int]:
    position += text.startswith("\\", position)
    if position >= len(text):
        raise PatternError("opens a bracket that is never closed")
    return text[position], position + 1


def _matched(items: Sequence[_Item], text: str, *, longest: bool, least: int) -> int | None:
    stars = sum(1 << index for index, item in enumerate(items) if item is _STAR)
    end = 1 << len(items)
    masks: dict[str, int] = {}
    states = _entered(1, stars)
    length = 0 if states & end and least == 0 else None
    for position, character in enumerate(text, 1):
        if not states or (length is not None and not longest):
            break
        mask = masks.get(character)
        if mask is None:
            mask = masks[character] = sum(1 << index for index, item in enumerate(items) if _fits(item, character))
        states = _entered((states & mask & ~stars) << 1 | (states & stars), stars)
        if states & end and position >= least:
            length = position
    return length


def _entered(states: int, stars: int) -> int:
    """The states with those behind a star, which may stand for nothing."""
    return states | (states & stars) << 1


def _fits(item: _Item, character: str) -> bool:
    if isinstance(item, _Class):
        return item.holds(character)
    return item is _ANY or item is _STAR or item == character
