"""A large set of deletions in a few bits an object.

Problem: an approved plan under way must survive a restart, but keys and UIDs of twenty thousand deletions are megabytes, more
than etcd takes. Decision: digests of them, sorted and written as Rice-coded differences: about 15 bits an object at twenty
thousand, more where there are fewer. An object that was not approved is mistaken for an approved one with a chance of
2^-bits, and two of them with the square of it; the guard is about many. Where fewer than ten bits would be left, nothing is
kept, and the rest of such a plan waits for another approval after a restart.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from gitops_agent.manifest.canonical import digest

LONGEST = 54_000
"""Characters of the text."""
_FEWEST_BITS = 10
_MOST_BITS = 40
_DIGITS = 20
_BITS_A_CHARACTER = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionSet:
    """Which objects may be deleted.

    Attributes:
        count: how many objects it was made of.
        bits: binary logarithm of the objects it was not made of, for one that it takes for its own.
        values: their digests, below `count << bits`; empty when there are too many to keep.
    """

    count: int
    bits: int
    values: frozenset[int]

    @classmethod
    def of(cls, pairs: Collection[tuple[str, str]]) -> Self:
        """The set of these keys and UIDs."""
        count = len(pairs)
        # A difference takes its low bits and, on average, less than two more.
        bits = min(_MOST_BITS, LONGEST * _BITS_A_CHARACTER // max(1, count) - 2)
        if bits < _FEWEST_BITS:
            return cls(count=count, bits=0, values=frozenset())
        return cls(count=count, bits=bits, values=frozenset(_value(pair, count, bits) for pair in pairs))

    def includes(self, pairs: Iterable[tuple[str, str]]) -> bool:
        """Whether all of these belong to it, within its bits."""
        pairs = tuple(pairs)
        if not self.values:
            return not pairs
        return len(pairs) <= self.count and all(_value(pair, self.count, self.bits) in self.values for pair in pairs)

    @property
    def text(self) -> str:
        """Its digests as ASCII; `parse` reads it."""
        parts: list[str] = []
        last = 0
        for value in sorted(self.values):
            high, low = divmod(value - last, 1 << self.bits)
            parts.append(f"{'1' * high}0{low:0{self.bits}b}")
            last = value
        stream = "".join(parts)
        stream += "1" * (-len(stream) % 8)
        return base64.b64encode(int(f"1{stream}", 2).to_bytes(len(stream) // 8 + 1)[1:]).decode()

    @classmethod
    def parse(cls, text: str, *, count: int, bits: int) -> Self:
        """What `text` was made of.

        Raises:
            ValueError: it is damaged.
        """
        if len(text) > 2 * LONGEST or not 0 <= bits <= _MOST_BITS:
            raise ValueError("no set of deletions")
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("no set of deletions") from None
        if not raw or not bits:
            return cls(count=count, bits=0, values=frozenset())
        stream = f"{int.from_bytes(b'1' + raw):b}"[-8 * len(raw) :]
        values: set[int] = set()
        at = last = 0
        while (end := stream.find("0", at)) >= 0 and end + bits < len(stream):
            last += ((end - at) << bits) + int(stream[end + 1 : end + 1 + bits], 2)
            values.add(last)
            at = end + 1 + bits
        return cls(count=count, bits=bits, values=frozenset(values))


def _value(pair: tuple[str, str], count: int, bits: int) -> int:
    return int(digest([*pair])[:_DIGITS], 16) % (count << bits)
