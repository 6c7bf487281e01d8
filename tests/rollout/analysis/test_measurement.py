from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.rollout.analysis.expression.evaluator import Condition
from gitops_agent.rollout.analysis.measurement import Measurement, empty, failed, measured, short
from gitops_agent.rollout.analysis.metric import MetricCriteria, Verdict

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def metric(success: str = "", failure: str = "", no_data: Verdict = Verdict.INCONCLUSIVE) -> MetricCriteria:
    return MetricCriteria(
        name="errors",
        no_data=no_data,
        success=Condition.of(success) if success else None,
        failure=Condition.of(failure) if failure else None,
    )


@pytest.mark.parametrize(
    ("success", "failure", "result", "expected"),
    [
        ("", "", 5, Verdict.SUCCESS),
        ("result < 1", "", 0.5, Verdict.SUCCESS),
        ("result < 1", "", 1.5, Verdict.FAILURE),
        ("", "result > 1", 0.5, Verdict.SUCCESS),
        ("", "result > 1", 1.5, Verdict.FAILURE),
        ("result < 1", "result > 2", 0.5, Verdict.SUCCESS),
        ("result < 1", "result > 2", 1.5, Verdict.INCONCLUSIVE),
        ("result < 1", "result > 2", 2.5, Verdict.FAILURE),
        ("result < 3", "result > 2", 2.5, Verdict.FAILURE),
        ("result < 1", "", "high", Verdict.ERROR),
        ("1 / result < 1", "", 0, Verdict.ERROR),
    ],
)
def test_conditions_give_a_verdict(success: str, failure: str, result: Any, expected: Verdict) -> None:
    assert measured(metric(success, failure), result, at=NOW).verdict is expected


@pytest.mark.parametrize("result", [None, [], {}, math.nan, [math.nan, None], [[]]])
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("success", ["", "result < 1", "len(result) == 0"])
def test_no_data_is_what_the_metric_says_whatever_the_condition(result: Any, verdict: Verdict, success: str) -> None:
    measurement = measured(metric(success, no_data=verdict), result, at=NOW)

    assert (measurement.verdict, measurement.message) == (verdict, "no data")


def test_a_gap_where_a_condition_looks_is_no_data() -> None:
    measurement = measured(metric("", "result[1] > 5", no_data=Verdict.FAILURE), [1, math.nan], at=NOW)

    assert measurement.verdict is Verdict.FAILURE
    assert measurement.message.startswith("no data: ")


def test_a_zero_is_data() -> None:
    assert not empty(0.0)
    assert not empty(False)
    assert not empty("")


def test_a_provider_without_an_answer_is_an_error() -> None:
    assert failed("no answer", at=NOW) == Measurement(at=NOW, verdict=Verdict.ERROR, message="no answer")


def test_a_measurement_is_written_in_short() -> None:
    measurement = measured(metric("result < 1"), 1.23456789, at=NOW)

    assert measurement.written()["value"] == "1.23457"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0.00001234567, "1.23457e-05"),
        ([1.0, [2.5]], "[1, [2.5]]"),
        (42, "42"),
        (10**40, "1e+40"),
        ({"password": "hunter2"}, "a map of 1 field"),
        ("hunter2-internal", "text of 16 characters"),
        ([1, "hunter2"], "[1, text of 7 characters]"),
    ],
)
def test_results_are_shown_in_one_line(result: Any, text: str) -> None:
    assert short(result) == text
