"""Criteria of a metric: conditions, comparison, and the meaning of no data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitops_agent.rollout.analysis.expression.evaluator import Condition


class Verdict(StrEnum):
    """What one measurement says."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class Direction(StrEnum):
    """Which change of a metric is bad."""

    INCREASE = "increase"
    DECREASE = "decrease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Canary against stable, judged once over the whole window.

    Args:
        threshold: how much worse the canary may be, as a share of the stable median: 0.1 is 10 %.
        direction: which change is the bad one.
        confidence: of the interval, between 0 and 1.
        minimum: values that each side needs before anything is said.
    """

    threshold: float
    direction: Direction = Direction.INCREASE
    confidence: float = 0.98
    minimum: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCriteria:
    """Criteria the results of one metric are judged by.

    Args:
        name: unique in the policy.
        no_data: what a measurement without data says; there is no default, because each of the four is wrong for some metric.
        success: holds when all is well; without conditions having measured is success.
        failure: holds when it is not; failure wins when both hold, and neither is inconclusive.
        compare: judge canary against stable instead of conditions.
    """

    name: str
    no_data: Verdict
    success: Condition | None = None
    failure: Condition | None = None
    compare: Comparison | None = None
