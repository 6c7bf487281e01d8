"""What is asked of one metric, as values: conditions, limits and the meaning of no data.

Each limit is the number that is still allowed: with `failure_limit=2` the third failure fails the metric. The words are
those of the RolloutPolicy, so that the model of the API hands them over one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from gitops_agent.rollout.analysis.condition import Condition


class Verdict(StrEnum):
    """What one measurement says."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class Phase(StrEnum):
    """How far a metric, or a whole analysis, has come."""

    SUCCESSFUL = "successful"
    RUNNING = "running"
    PENDING = "pending"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAILED = "failed"

    @property
    def severity(self) -> int:
        """The place in the order above: the worst is the largest."""
        return list(Phase).index(self)

    @property
    def ended(self) -> bool:
        """Whether nothing more is measured."""
        return self not in {Phase.RUNNING, Phase.PENDING}


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
class Metric:
    """One metric of an analysis.

    Args:
        name: unique in the policy.
        no_data: what a measurement without data says; there is no default, because each of the four is wrong for somebody.
        success: holds when all is well; without conditions having measured is success.
        failure: holds when it is not; failure wins when both hold, and neither is inconclusive.
        interval: between two measurements; None measures `count` times without a break (once by default).
        count: conclusive measurements (all but errors) after which the metric ends; None goes on until it is ended.
        initial_delay: before the first measurement of a Hold.
        failure_limit: failures that are allowed.
        inconclusive_limit: inconclusive measurements that are allowed.
        consecutive_error_limit: errors in a row that are allowed.
        minimum_samples: successes and failures together before the metric may end as successful or failed.
        dry_run: measured and shown, never acted upon.
        compare: judge canary against stable instead of conditions.
    """

    name: str
    no_data: Verdict
    success: Condition | None = None
    failure: Condition | None = None
    interval: timedelta | None = None
    count: int | None = None
    initial_delay: timedelta = field(default_factory=timedelta)
    failure_limit: int = 0
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    minimum_samples: int = 1
    dry_run: bool = False
    compare: Comparison | None = None

    @property
    def wanted(self) -> int | None:
        """How many conclusive measurements end the metric; None when only the end of the Hold does."""
        if self.count is not None:
            return self.count
        return 1 if self.interval is None or self.compare is not None else None
