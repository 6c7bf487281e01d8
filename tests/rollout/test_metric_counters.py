"""Counts of measurements, and what they are in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_agent.rollout.metric_counters import CounterVerdict, counted, find, fresh
from gitops_agent.rollout.observation import Answer, Measurement
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
        one = Measurement(metric="errors", at=at, answer=answer, hash="v2", message=message)
        counters = counted(counters, [one], version="v2", now=LATER)

    assert counters[0].message == "too high"


def test_a_message_is_short_enough_for_a_state() -> None:
    assert len(judged(Answer.ERROR, 5, "x" * 9999)[1]) < 400
