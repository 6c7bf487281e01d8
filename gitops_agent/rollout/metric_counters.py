"""Counts measurements and derives the verdict of a run.

Counting is done here and kept in the state, one measurement once: a restart loses no failure and counts none twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import IntEnum

from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.rollout.observation import Answer, Measurement
from gitops_agent.rollout.state import Counter

_LONGEST = 300
"""Characters of a message that is kept in a state."""


class CounterVerdict(IntEnum):
    """What the counts mean for a run, the worst last."""

    PASSED = 0
    OPEN = 1
    UNSURE = 2
    FAILED = 3


def fresh(counters: Sequence[Counter], metrics: Iterable[Metric]) -> tuple[Counter, ...]:
    """The counters for a new Hold: samples start anew, failures stay."""
    by_metric = {counter.metric: counter for counter in counters}
    return tuple(replace(by_metric.get(metric.name, Counter(metric=metric.name)), samples=0) for metric in metrics)


def counted(
    counters: Sequence[Counter], measurements: Iterable[Measurement], *, version: str, now: datetime
) -> tuple[Counter, ...]:
    """The counters after new measurements of the version, each counted once.

    Nor do those ahead of now: a clock that was set back would have each of them counted again and again.
    """
    result = {earlier.metric: earlier for earlier in counters}
    for measurement in sorted(measurements, key=lambda sample: sample.at):
        counter = result.get(measurement.metric)
        if counter is None or measurement.hash != version or measurement.at > now:
            continue
        if counter.last_at is None or measurement.at > counter.last_at:
            text = counter.message if measurement.answer is Answer.SUCCESS else measurement.message[:_LONGEST]
            result[measurement.metric] = replace(_added(counter, measurement.answer), last_at=measurement.at, message=text)
    return tuple(result.values())


def find(counters: Sequence[Counter], metrics: Iterable[Metric]) -> tuple[CounterVerdict, str]:
    """The worst verdict of the judged metrics, and why.

    Errors without an answer never pass.
    """
    by_metric = {counter.metric: counter for counter in counters}
    worst = (CounterVerdict.PASSED, "")
    for metric in metrics:
        if not metric.dry_run:
            worst = max(
                worst, _of(by_metric.get(metric.name, Counter(metric=metric.name)), metric), key=lambda verdict: verdict[0]
            )
    return worst


def _of(counter: Counter, metric: Metric) -> tuple[CounterVerdict, str]:
    why = f": {counter.message}" if counter.message else ""
    if counter.failed > metric.failure_limit:
        times = "once" if counter.failed == 1 else f"{counter.failed} times"
        return CounterVerdict.FAILED, f"{metric.name} failed {times}, {metric.failure_limit} are allowed{why}"
    if counter.consecutive_errors > metric.consecutive_error_limit:
        return CounterVerdict.UNSURE, f"{metric.name} could not be measured {counter.consecutive_errors} times in a row{why}"
    if counter.inconclusive > metric.inconclusive_limit:
        return CounterVerdict.UNSURE, f"{metric.name} was inconclusive {counter.inconclusive} times{why}"
    # Of a comparison, `samples` are the values its one verdict is made of.
    needed = metric.samples if metric.compare is None else 1
    if counter.samples < needed:
        return CounterVerdict.OPEN, f"{metric.name} has {counter.samples} of {needed} samples"
    return CounterVerdict.PASSED, ""


def _added(counter: Counter, answer: Answer) -> Counter:
    if answer is Answer.ERROR:
        return replace(counter, errors=counter.errors + 1, consecutive_errors=counter.consecutive_errors + 1)
    counter = replace(counter, consecutive_errors=0)
    if answer is Answer.SUCCESS:
        return replace(counter, samples=counter.samples + 1, succeeded=counter.succeeded + 1)
    if answer is Answer.FAILURE:
        return replace(counter, samples=counter.samples + 1, failed=counter.failed + 1)
    return replace(counter, inconclusive=counter.inconclusive + 1)
