"""Canary against stable, judged once over the whole Hold.

Judged at every tick, a healthy canary is sooner or later unlucky: ten checks at 5 % each abort four in ten. So the values of
the whole window are compared once. The canary fails when two things come together: the interval of the shift lies wholly on
the bad side of zero (it is not chance), and the likeliest shift is more than the threshold allows (it matters). Too few values
are inconclusive, never a success.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from gitops_agent.rollout.analysis.mann_whitney import Shift, shift
from gitops_agent.rollout.analysis.measurement import Measurement
from gitops_agent.rollout.analysis.metric import Comparison, Direction, MetricCriteria, Verdict


def compared(
    metric: MetricCriteria, comparison: Comparison, canary: Sequence[float], stable: Sequence[float], *, at: datetime
) -> Measurement:
    """The measurement of a comparison; values that are not finite are dropped.

    Args:
        metric: whose `noData` decides when a side has no value at all.
        comparison: thresholds.
        canary: the canary's values over the window.
        stable: the stable variant's over the same window.
        at: when this was judged.
    """
    above = [value for value in canary if math.isfinite(value)]
    below = [value for value in stable if math.isfinite(value)]
    if not above or not below:
        side = "stable" if above else "the canary"
        return Measurement(at=at, verdict=metric.no_data, message=f"no data of {side}")
    if min(len(above), len(below)) < comparison.minimum:
        words = f"{len(above)} values of the canary and {len(below)} of stable, {comparison.minimum} of each are needed"
        return Measurement(at=at, verdict=Verdict.INCONCLUSIVE, message=words)
    interval = shift(above, below, confidence=comparison.confidence)
    middle = median(below)
    shown = _shown(interval, middle)
    if not interval.known:
        return Measurement(at=at, verdict=Verdict.INCONCLUSIVE, value=shown, message="too few values for this confidence")
    worse, surely = _worse(interval, comparison.direction)
    allowed = comparison.threshold * abs(middle)
    if surely > 0 and worse > allowed:
        words = f"the canary's median is {_words(comparison)} by {worse:.4g}, {allowed:.4g} is allowed"
        return Measurement(at=at, verdict=Verdict.FAILURE, value=shown, message=words)
    return Measurement(at=at, verdict=Verdict.SUCCESS, value=shown)


def _worse(interval: Shift, direction: Direction) -> tuple[float, float]:
    """The likeliest worsening, and the one certain at the confidence level."""
    if direction is Direction.INCREASE:
        return interval.estimate, interval.lower
    return -interval.estimate, -interval.upper


def _words(comparison: Comparison) -> str:
    return "higher" if comparison.direction is Direction.INCREASE else "lower"


def _shown(interval: Shift, middle: float) -> str:
    return f"{interval.estimate:+.4g} [{interval.lower:+.4g}, {interval.upper:+.4g}] on {middle:.4g}"
