"""What one metric has counted so far; kept in the RolloutPolicy's status after every measurement, so a new leader goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.analysis.measurement import Measurement
from gitops_agent.rollout.analysis.metric import Verdict

KEPT = 10
"""Measurements kept for people; the counters go further back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Counts of verdicts since the analysis began, and the last measurements, oldest first."""

    success: int = 0
    failure: int = 0
    inconclusive: int = 0
    error: int = 0
    consecutive_error: int = 0
    measurements: tuple[Measurement, ...] = ()

    @property
    def conclusive(self) -> int:
        """Measurements that were no errors: these are what `count` counts."""
        return self.success + self.failure + self.inconclusive

    @property
    def samples(self) -> int:
        """Measurements that had an opinion."""
        return self.success + self.failure

    @property
    def last(self) -> Measurement | None:
        """The latest measurement."""
        return self.measurements[-1] if self.measurements else None

    def after(self, measurement: Measurement) -> Counters:
        """The counters with one more measurement; the one already counted last (same time) changes nothing."""
        if self.last is not None and self.last.at >= measurement.at:
            return self
        kept = (*self.measurements, measurement)[-KEPT:]
        match measurement.verdict:
            case Verdict.SUCCESS:
                return replace(self, success=self.success + 1, consecutive_error=0, measurements=kept)
            case Verdict.FAILURE:
                return replace(self, failure=self.failure + 1, consecutive_error=0, measurements=kept)
            case Verdict.INCONCLUSIVE:
                return replace(self, inconclusive=self.inconclusive + 1, consecutive_error=0, measurements=kept)
            case Verdict.ERROR:
                return replace(self, error=self.error + 1, consecutive_error=self.consecutive_error + 1, measurements=kept)

    def written(self) -> Object:
        """As it stands in a status."""
        return {
            "success": self.success,
            "failure": self.failure,
            "inconclusive": self.inconclusive,
            "error": self.error,
            "consecutiveError": self.consecutive_error,
            "measurements": [measurement.written() for measurement in self.measurements],
        }

    @classmethod
    def read(cls, raw: Object) -> Counters:
        """The counters a status holds; what is torn or was never written counts as zero."""
        return cls(
            success=_count(raw.get("success")),
            failure=_count(raw.get("failure")),
            inconclusive=_count(raw.get("inconclusive")),
            error=_count(raw.get("error")),
            consecutive_error=_count(raw.get("consecutiveError")),
            measurements=_kept(raw.get("measurements")),
        )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _kept(value: object) -> tuple[Measurement, ...]:
    found: list[Measurement] = []
    for raw in value if isinstance(value, list) else []:
        try:
            measurement = Measurement.read(raw)
        except (KeyError, ValueError, TypeError, AttributeError):
            continue
        if measurement.at.tzinfo is not None and (not found or _later(found[-1].at, measurement.at)):
            found.append(measurement)
    return tuple(found[-KEPT:])


def _later(before: datetime, after: datetime) -> bool:
    return after > before
