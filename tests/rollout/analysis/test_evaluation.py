from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.analysis.counters import Counters
from gitops_agent.rollout.analysis.evaluation import Assessment, assess, next_at, worst
from gitops_agent.rollout.analysis.measurement import Measurement
from gitops_agent.rollout.analysis.metric import Comparison, Metric, Phase, Verdict

START = datetime(2026, 3, 1, tzinfo=UTC)
METRIC = Metric(name="errors", no_data=Verdict.INCONCLUSIVE, interval=timedelta(seconds=30))
LETTERS = {"s": Verdict.SUCCESS, "f": Verdict.FAILURE, "i": Verdict.INCONCLUSIVE, "e": Verdict.ERROR}


def counted(letters: str) -> Counters:
    counters = Counters()
    for place, letter in enumerate(letters):
        counters = counters.after(Measurement(at=START + timedelta(seconds=place), verdict=LETTERS[letter]))
    return counters


@pytest.mark.parametrize(
    ("metric", "letters", "running", "ended"),
    [
        (METRIC, "", Phase.PENDING, Phase.INCONCLUSIVE),
        (METRIC, "s", Phase.RUNNING, Phase.SUCCESSFUL),
        (METRIC, "sss", Phase.RUNNING, Phase.SUCCESSFUL),
        (METRIC, "ssf", Phase.FAILED, Phase.FAILED),
        (METRIC, "i", Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
        (METRIC, "e", Phase.RUNNING, Phase.ERROR),
        (METRIC, "eeee", Phase.RUNNING, Phase.ERROR),
        (METRIC, "eeeee", Phase.ERROR, Phase.ERROR),
        (METRIC, "eeeeseeee", Phase.RUNNING, Phase.SUCCESSFUL),
        (replace(METRIC, failure_limit=2), "ff", Phase.RUNNING, Phase.INCONCLUSIVE),
        (replace(METRIC, failure_limit=2), "ffs", Phase.RUNNING, Phase.SUCCESSFUL),
        (replace(METRIC, failure_limit=2), "fsfsf", Phase.FAILED, Phase.FAILED),
        (replace(METRIC, inconclusive_limit=2), "ii", Phase.RUNNING, Phase.INCONCLUSIVE),
        (replace(METRIC, inconclusive_limit=2), "iis", Phase.RUNNING, Phase.SUCCESSFUL),
        (replace(METRIC, inconclusive_limit=2), "isii", Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
        (replace(METRIC, consecutive_error_limit=0), "se", Phase.ERROR, Phase.ERROR),
        (replace(METRIC, minimum_samples=3), "ss", Phase.RUNNING, Phase.INCONCLUSIVE),
        (replace(METRIC, minimum_samples=3), "ff", Phase.RUNNING, Phase.INCONCLUSIVE),
        (replace(METRIC, minimum_samples=3), "fff", Phase.FAILED, Phase.FAILED),
        (replace(METRIC, minimum_samples=3), "sss", Phase.RUNNING, Phase.SUCCESSFUL),
        (replace(METRIC, count=3), "ses", Phase.RUNNING, Phase.SUCCESSFUL),
        (replace(METRIC, count=3), "sess", Phase.SUCCESSFUL, Phase.SUCCESSFUL),
        (replace(METRIC, count=2, failure_limit=5), "ff", Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
        (replace(METRIC, count=1, minimum_samples=2), "s", Phase.RUNNING, Phase.INCONCLUSIVE),
        (replace(METRIC, interval=None), "s", Phase.SUCCESSFUL, Phase.SUCCESSFUL),
        (replace(METRIC, interval=None, inconclusive_limit=1), "i", Phase.INCONCLUSIVE, Phase.INCONCLUSIVE),
        (replace(METRIC, compare=Comparison(threshold=0.1)), "s", Phase.SUCCESSFUL, Phase.SUCCESSFUL),
    ],
)
def test_the_phase_of_a_metric(metric: Metric, letters: str, running: Phase, ended: Phase) -> None:
    assert assess(metric, counted(letters)).phase is running
    assert assess(metric, counted(letters), ended=True).phase is ended


def test_the_worst_broken_limit_decides_not_the_last_one_looked_at() -> None:
    assert assess(replace(METRIC, consecutive_error_limit=0), counted("fie")).phase is Phase.FAILED
    assert assess(replace(METRIC, consecutive_error_limit=0), counted("ie")).phase is Phase.ERROR


def test_the_message_counts() -> None:
    assert assess(replace(METRIC, failure_limit=1), counted("ff")).message == "2 failures, 1 allowed"
    assert assess(METRIC, counted("i")).message == "1 inconclusive measurement, 0 allowed"


metrics = st.builds(
    Metric,
    name=st.just("m"),
    no_data=st.just(Verdict.ERROR),
    interval=st.sampled_from([None, timedelta(seconds=5)]),
    count=st.none() | st.integers(1, 5),
    failure_limit=st.integers(0, 4),
    inconclusive_limit=st.integers(0, 4),
    consecutive_error_limit=st.integers(0, 4),
    minimum_samples=st.integers(0, 4),
)
histories = st.text(alphabet="sfie", max_size=12)


@given(metrics, st.integers(0, 12))
def test_an_analysis_of_errors_alone_is_never_a_success(metric: Metric, errors: int) -> None:
    for ended in (True, False):
        assert assess(metric, counted("e" * errors), ended=ended).phase is not Phase.SUCCESSFUL


@given(metrics, histories)
def test_a_success_has_seen_one_and_broken_no_limit(metric: Metric, letters: str) -> None:
    metric = replace(metric, minimum_samples=max(1, metric.minimum_samples))
    counters = counted(letters)

    if assess(metric, counters, ended=True).phase is Phase.SUCCESSFUL:
        assert counters.success
        assert counters.failure <= metric.failure_limit
        assert counters.inconclusive <= metric.inconclusive_limit
        assert counters.consecutive_error <= metric.consecutive_error_limit


@given(metrics, histories)
def test_what_has_ended_is_told_the_same_when_the_hold_ends(metric: Metric, letters: str) -> None:
    now = assess(metric, counted(letters))

    assert assess(metric, counted(letters), ended=True).phase.ended
    if now.phase.ended:
        assert assess(metric, counted(letters), ended=True) == now
        assert next_at(metric, counted(letters), since=START) is None


def test_the_analysis_is_as_bad_as_its_worst_metric() -> None:
    found = [Assessment(metric=str(phase), phase=phase) for phase in Phase]

    assert [worst(found[:size]) for size in range(1, 7)] == list(Phase)
    assert worst([]) is Phase.SUCCESSFUL


def test_a_dry_run_is_shown_and_never_acted_upon() -> None:
    shown = assess(replace(METRIC, dry_run=True), counted("f"))

    assert shown.phase is Phase.FAILED
    assert worst([shown, assess(METRIC, counted("s"))]) is Phase.RUNNING


def test_when_the_next_measurement_is_due() -> None:
    delayed = replace(METRIC, initial_delay=timedelta(seconds=60))
    second = timedelta(seconds=1)

    assert next_at(delayed, counted(""), since=START) == START + 60 * second
    assert next_at(METRIC, counted("ss"), since=START) == START + 31 * second
    assert next_at(METRIC, counted("se"), since=START) == START + 11 * second
    assert next_at(replace(METRIC, interval=5 * second), counted("e"), since=START) == START + 5 * second
    assert next_at(replace(METRIC, interval=None), counted("e"), since=START) == START + 10 * second
    assert next_at(METRIC, counted("f"), since=START) is None
