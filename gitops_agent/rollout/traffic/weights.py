"""Divides the weight of one backend between stable and canary.

Weights of all these APIs are relative to their sum. Where the API's numbers are large enough every weight is multiplied by 100,
and the division is exact; where they are not (AWS stops at 999, older Istio wants the sum of 100 kept) whole numbers are found
by largest remainder, so the sum never changes and no share is off by more than one unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WHOLE = 100


class WeightSplit(NamedTuple):
    """Weights of one backend: the stable part and the canary's."""

    stable: int
    canary: int


def divide(weights: Sequence[int], divided: Sequence[bool], percent: int, *, limit: int, keep: int = 0) -> list[WeightSplit]:
    """The new weights, in the old order.

    Args:
        weights: as Git has them.
        divided: which of them belong to the service whose traffic is split.
        percent: of the canary, 1 to 100.
        limit: the largest weight the API takes.
        keep: keep the sum where it is at least this, else multiply by 100; 0 multiplies whenever the limit allows.
    """
    total = sum(weights)
    kept = (keep and total >= keep) or max(weights, default=0) * WHOLE > limit
    factor = 1 if kept else WHOLE
    scaled = [weight * factor for weight in weights]
    ours = [index for index, mine in enumerate(divided) if mine]
    target = sum(scaled[index] for index in ours) * percent
    canary = {index: scaled[index] * percent // WHOLE for index in ours}
    missing = (target + WHOLE // 2) // WHOLE - sum(canary.values())
    by_remainder = sorted(ours, key=lambda index: -(scaled[index] * percent % WHOLE))
    for index in by_remainder[: max(0, missing)]:
        canary[index] += 1
    return [WeightSplit(weight - canary.get(index, 0), canary.get(index, 0)) for index, weight in enumerate(scaled)]


def fits(stable: int, canary: int, percent: int, *, named: bool) -> bool:
    """Whether live weights give the canary its percent.

    Small weights of Git can look like a share by rounding alone, so the canary has to stand there by name, too.

    Args:
        stable: the weight of the service.
        canary: the weight of the canary.
        percent: what it is to get, 0 to 100.
        named: whether the canary stands beside the service at all.
    """
    if not percent:
        return not named
    return named and abs(canary * WHOLE - (stable + canary) * percent) <= WHOLE // 2
