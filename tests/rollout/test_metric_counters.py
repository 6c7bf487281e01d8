"""Counts of measurements, and what they are in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gitops_agent.rollout.metric_counters import CounterVerdict, counted, find, fresh
from gitops_agent.rollout.observation import Answer, Measurement
from gitops_agent.rollout.state import Counter
from tests.cli.policies import START
from tests.rollout.policies import canary

METRICS = canary(metrics=True).analysis.metrics
LATER = START + timedelta(hours=1)


def judged(answer: Answer, times: int, message: str) -> tuple[CounterVerdict, str]:
    measurements = [
        Measurement(metric="errors", at=START + timedelta(seconds=number), answer=answer, hash="v2", message=message)
        for number in range(times)
    ]
    return find(counted(fresh((), METRICS), measurements, version="v2", now=LATER), METRICS)


@pytest.mark.parametrize(
    ("answer", "times", "message", "words"),
    [
        (Answer.ERROR, 5, "GET http://x: refused", "errors could not be measured 5 times in a row: GET http://x: refused"),
        (Answer.FAILURE, 1, "`result < 1` does not hold", "errors failed once, 0 are allowed: `result < 1` does not hold"),
        (Answer.INCONCLUSIVE, 4, "no data", "errors was inconclusive 4 times: no data"),
        (Answer.INCONCLUSIVE, 4, "", "errors was inconclusive 4 times"),
    ],
)
def test_a_verdict_says_why_the_last_measurement_was_no_success(answer: Answer, times: int, message: str, words: str) -> None:
    assert judged(answer, times, message)[1] == words


def test_a_success_in_between_keeps_the_reason_of_the_last_failure() -> None:
    counters = fresh((), METRICS)
    for number, (answer, message) in enumerate([(Answer.FAILURE, "too high"), (Answer.SUCCESS, "")]):
        at = START + timedelta(seconds=number)
        measurement = Measurement(metric="errors", at=at, answer=answer, hash="v2", message=message)
        counters = counted(counters, [measurement], version="v2", now=LATER)

    assert counters[0].message == "too high"


def test_a_message_is_short_enough_for_a_state() -> None:
    assert len(judged(Answer.ERROR, 5, "x" * 9999)[1]) < 400


def measured(*answers: Answer, version: str = "v2", begin: int = 0) -> list[Measurement]:
    return [
        Measurement(metric="errors", at=START + timedelta(seconds=begin + number), answer=answer, hash=version)
        for number, answer in enumerate(answers)
    ]


def verdict(*answers: Answer, **metric: Any) -> CounterVerdict:
    metrics = [METRICS[0].model_copy(update=metric)]
    return find(counted(fresh((), metrics), measured(*answers), version="v2", now=LATER), metrics)[0]


S, F, U, E = Answer.SUCCESS, Answer.FAILURE, Answer.INCONCLUSIVE, Answer.ERROR


@pytest.mark.parametrize(
    ("limits", "answers", "expected"),
    [
        ({"samples": 2}, [S], CounterVerdict.OPEN),
        ({"samples": 2}, [S, S], CounterVerdict.PASSED),
        ({"samples": 2}, [S, E], CounterVerdict.OPEN),
        ({"samples": 2, "failure_limit": 1}, [S, F], CounterVerdict.PASSED),
        ({"samples": 1, "failure_limit": 1}, [F, F], CounterVerdict.FAILED),
        ({"samples": 1, "inconclusive_limit": 1}, [S, U], CounterVerdict.PASSED),
        ({"samples": 1, "inconclusive_limit": 1}, [S, U, U], CounterVerdict.UNSURE),
        ({"samples": 1, "consecutive_error_limit": 2}, [S, E, E], CounterVerdict.PASSED),
        ({"samples": 1, "consecutive_error_limit": 2}, [S, E, E, E], CounterVerdict.UNSURE),
        ({"samples": 1, "consecutive_error_limit": 2}, [E, E, S, E, E], CounterVerdict.PASSED),
        ({"samples": 1, "consecutive_error_limit": 2, "failure_limit": 1}, [E, E, F, E, E], CounterVerdict.PASSED),
        ({"samples": 1, "consecutive_error_limit": 2, "inconclusive_limit": 1}, [S, E, E, U, E, E], CounterVerdict.PASSED),
        ({"samples": 2, "failure_limit": 0, "dry_run": True}, [F, F], CounterVerdict.PASSED),
    ],
)
def test_a_metric_passes_with_enough_samples_and_no_limit_exceeded(
    limits: dict[str, Any], answers: list[Answer], expected: CounterVerdict
) -> None:
    assert verdict(*answers, **limits) is expected


def test_every_answer_is_counted_as_what_it_is() -> None:
    (counter,) = counted((Counter(metric="errors"),), measured(S, S, F, U, E, E), version="v2", now=LATER)

    assert (counter.samples, counter.succeeded, counter.failed) == (3, 2, 1)
    assert (counter.inconclusive, counter.errors, counter.consecutive_errors) == (1, 2, 2)


def test_measurements_of_another_version_count_for_nothing() -> None:
    assert counted((Counter(metric="errors"),), measured(F, version="v1"), version="v2", now=LATER) == (
        Counter(metric="errors"),
    )


def test_measurements_are_counted_once_and_in_the_order_of_their_times() -> None:
    batch = measured(S, E, E)
    (counter,) = counted((Counter(metric="errors"),), reversed(batch), version="v2", now=LATER)

    assert (counter.succeeded, counter.errors, counter.last_at) == (1, 2, batch[-1].at)
    assert counted((counter,), batch, version="v2", now=LATER) == (counter,)


def test_a_new_hold_asks_for_new_samples_and_forgives_no_failure() -> None:
    (before,) = counted((Counter(metric="errors"),), measured(S, F), version="v2", now=LATER)
    (after,) = fresh((before,), METRICS)

    assert (after.samples, after.succeeded, after.failed) == (0, 1, 1)
