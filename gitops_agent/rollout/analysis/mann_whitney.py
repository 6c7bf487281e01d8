"""Mann-Whitney shift interval: how far one sample lies above another.

The shift is the number that, taken off every canary value, makes the two sets alike; it is estimated by the median of all
differences canary minus stable (Hodges-Lehmann), and the interval of the shifts that the rank test does not reject runs from
the k-th smallest difference to the k-th largest. No distribution is assumed, and one wild value moves nothing.

For k, with m and n values and U the Mann-Whitney statistic when nothing differs:

- m·n ≤ 400: exact, the largest k with P(U ≤ k-1) ≤ (1 - confidence)/2, by counting orderings. With ties the closed interval
  covers at least as often as promised.
- beyond: k = floor(m·n/2 + ½ - z·s) with s² = m·n/12 · ((m+n+1) - Σ(t³-t)/((m+n)(m+n-1))), t running over the sizes of ties
  inside each set. Ties between the sets vanish for almost every shift and are left out.

When even k = 1 says too much (five a side are the least for 98 %), the interval is the whole line.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, median

EXACT_LIMIT = 400
"""The largest product of the two sizes that is counted exactly."""

VALUES_LIMIT = 500
"""Most values of a side; of more, as many are taken at even distances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far the canary lies above stable; negative when below.

    Args:
        lower: the lower end of the interval; minus infinity where there are too few values.
        estimate: the likeliest shift.
        upper: the upper end.
        exact: whether orderings were counted, or the normal approximation used.
    """

    lower: float
    estimate: float
    upper: float
    exact: bool

    @property
    def known(self) -> bool:
        """Whether there were values enough for an interval."""
        return math.isfinite(self.lower) and math.isfinite(self.upper)


def shift(canary: Sequence[float], stable: Sequence[float], *, confidence: float = 0.98) -> Shift:
    """The interval of the shift from stable to canary.

    Args:
        canary: finite values, at least one.
        stable: finite values, at least one.
        confidence: between 0 and 1, of both ends together.

    Raises:
        ValueError: a side is empty, a value is not finite, or the confidence is out of range.
    """
    if not canary or not stable or not all(map(math.isfinite, (*canary, *stable))):
        raise ValueError("both sides need finite values")
    if not 0 < confidence < 1:
        raise ValueError(f"the confidence {confidence} is not between 0 and 1")
    above, below = thinned(canary), thinned(stable)
    differences = sorted(up - down for up in above for down in below)
    tail = (1 - confidence) / 2
    exact = len(differences) <= EXACT_LIMIT
    rank = exact_rank(len(above), len(below), tail) if exact else _normal_rank(above, below, tail)
    bounded = rank >= 1
    return Shift(
        lower=differences[rank - 1] if bounded else -math.inf,
        estimate=median(differences),
        upper=differences[-rank] if bounded else math.inf,
        exact=exact,
    )


def thinned(values: Sequence[float]) -> list[float]:
    """At most 500 of the values, at even distances."""
    size = len(values)
    if size <= VALUES_LIMIT:
        return list(values)
    return [values[index * size // VALUES_LIMIT] for index in range(VALUES_LIMIT)]


def exact_rank(m: int, n: int, tail: float) -> int:
    """The largest rank k with P(U ≤ k-1) ≤ tail; else 0."""
    total, sum_so_far = math.comb(m + n, m), 0
    for rank, count in enumerate(orderings(m, n)):
        sum_so_far += count
        if sum_so_far > tail * total:
            return rank
    return 0


@lru_cache(maxsize=64)
def orderings(m: int, n: int) -> tuple[int, ...]:
    """Orderings of both samples by the value of U: Gaussian binomial coefficients."""
    counts = [1] + [0] * (m * n)
    for size in range(1, m + 1):
        for value in range(m * n, n + size - 1, -1):
            counts[value] -= counts[value - n - size]
        for value in range(size, m * n + 1):
            counts[value] += counts[value - size]
    return tuple(counts)


def _normal_rank(above: list[float], below: list[float], tail: float) -> int:
    m, n = len(above), len(below)
    ties = sum(size**3 - size for side in (above, below) for size in Counter(side).values())
    deviation = math.sqrt(max(0.0, m * n / 12 * ((m + n + 1) - ties / ((m + n) * (m + n - 1)))))
    z = NormalDist().inv_cdf(1 - tail)
    return math.floor(m * n / 2 + 0.5 - z * deviation)
