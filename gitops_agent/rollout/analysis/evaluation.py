"""From counters to the phase of a metric, and from the metrics to the phase of the analysis.

Two mistakes of others are avoided on purpose. Ending an analysis early (the Hold is over) says nothing about its metrics: one
that only ever met errors is an error, and one that never saw a success is not successful, whatever its limits still allow. And
a metric is judged by the worst of the limits it broke, not by the one that happened to be looked at last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitops_agent.rollout.analysis.counters import Counters
from gitops_agent.rollout.analysis.metric import Metric, Phase, Verdict

ERROR_RETRY = timedelta(seconds=10)
"""How soon a measurement is repeated after an error, where the interval is not shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is known of one metric.

    Args:
        metric: its name.
        phase: how far it has come.
        message: why, for people; empty while all is well.
        dry_run: whether it is only shown.
    """

    metric: str
    phase: Phase
    message: str = ""
    dry_run: bool = False


def assess(metric: Metric, counters: Counters, *, ended: bool = False) -> Assessment:
    """How far a metric has come; `ended` when nothing more will be measured (the Hold is over)."""
    phase, message = _broken(metric, counters) or _course(metric, counters, ended=ended)
    return Assessment(metric=metric.name, phase=phase, message=message, dry_run=metric.dry_run)


def worst(assessments: Iterable[Assessment]) -> Phase:
    """The phase of the analysis: the worst of its metrics, those that are only shown left out; successful without any."""
    phases = [found.phase for found in assessments if not found.dry_run]
    return max(phases, key=lambda phase: phase.severity, default=Phase.SUCCESSFUL)


def next_at(metric: Metric, counters: Counters, *, since: datetime) -> datetime | None:
    """When the metric is to be measured next; None when it has come to an end.

    Args:
        metric: the metric.
        counters: what it counted.
        since: when the analysis began.
    """
    if assess(metric, counters).phase.ended:
        return None
    last = counters.last
    if last is None:
        return since + metric.initial_delay
    pause = metric.interval if metric.interval is not None else timedelta()
    if last.verdict is Verdict.ERROR:
        pause = min(pause, ERROR_RETRY) if metric.interval is not None else ERROR_RETRY
    return last.at + pause


def _broken(metric: Metric, counters: Counters) -> tuple[Phase, str] | None:
    last = counters.last
    why = f": {last.message}" if last is not None and last.message else ""
    if counters.failure > metric.failure_limit and counters.samples >= metric.minimum_samples:
        return Phase.FAILED, f"{_times(counters.failure, 'failure')}, {metric.failure_limit} allowed{why}"
    if counters.consecutive_error > metric.consecutive_error_limit:
        errors, limit = counters.consecutive_error, metric.consecutive_error_limit
        return Phase.ERROR, f"{_times(errors, 'error')} in a row, {limit} allowed{why}"
    if counters.inconclusive > metric.inconclusive_limit:
        found, limit = counters.inconclusive, metric.inconclusive_limit
        return Phase.INCONCLUSIVE, f"{_times(found, 'inconclusive measurement')}, {limit} allowed{why}"
    return None


def _course(metric: Metric, counters: Counters, *, ended: bool) -> tuple[Phase, str]:
    complete = metric.wanted is not None and counters.conclusive >= max(metric.wanted, metric.minimum_samples)
    if not ended and not complete:
        return (Phase.RUNNING if counters.last is not None else Phase.PENDING), ""
    if not counters.conclusive and counters.error:
        return Phase.ERROR, f"nothing was measured but errors: {counters.last.message if counters.last else ''}"
    if not counters.conclusive:
        return Phase.INCONCLUSIVE, "nothing was measured"
    if _short(metric, counters):
        return Phase.INCONCLUSIVE, f"{counters.samples} of at least {_times(metric.minimum_samples, 'sample')}"
    if not counters.success and metric.minimum_samples > 0:
        return Phase.INCONCLUSIVE, "not one measurement was a success"
    return Phase.SUCCESSFUL, ""


def _short(metric: Metric, counters: Counters) -> bool:
    return counters.samples < metric.minimum_samples


def _times(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
