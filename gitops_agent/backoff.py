"""Backoff with jitter: how long to pause before the next attempt.

Problem: many clients that failed at one moment come back at one moment. Decision: the bound of a pause doubles with every
failure, and the pause is drawn from the upper part of it. Where few clients wait for one server a pause should not be tiny
(`floor` 0.5); where many may wait for it, it may be anything below the bound (`floor` 0, full jitter). Numbers come from a
generator of this module's own: background threads leave the state of the `random` module alone, which a caller may have seeded.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 30
_GENERATOR = random.Random()  # noqa: S311 - spreads load, no secret


def spread(least: float, most: float) -> float:
    """A number drawn evenly, so that clients of one period part."""
    return _GENERATOR.uniform(least, most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses that grow with the number of failures.

    Attributes:
        first_seconds: the bound of the first pause; doubled with every failure.
        longest_seconds: the bound of every pause.
        floor: the part of the bound, 0 to 1, below which no pause is drawn.
    """

    first_seconds: float
    longest_seconds: float
    floor: float = 0.5

    def pause(self, failures: int, *, at_least: float = 0.0, chance: Callable[[], float] = _GENERATOR.random) -> float:
        """Seconds until the next attempt.

        Args:
            failures: attempts that have failed in a row, at least one.
            at_least: seconds that the server requires; they are kept even beyond the longest pause.
            chance: a number in [0, 1].
        """
        bound = min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
        return max(at_least, bound * (self.floor + (1.0 - self.floor) * chance()))
