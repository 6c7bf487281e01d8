from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest

from gitops_agent.rollout.analysis.comparison import compared
from gitops_agent.rollout.analysis.measurement import Measurement
from gitops_agent.rollout.analysis.metric import Comparison, Direction, MetricCriteria, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)
METRIC = MetricCriteria(name="p99", no_data=Verdict.ERROR)
STABLE = [100.0, 101, 99, 102, 98, 100, 103, 97, 101, 99]


def judge(canary: list[float], stable: list[float], comparison: Comparison | None = None) -> Measurement:
    return compared(METRIC, comparison or Comparison(threshold=0.1), canary, stable, at=NOW)


def test_a_canary_like_stable_succeeds() -> None:
    assert judge(list(reversed(STABLE)), STABLE).verdict is Verdict.SUCCESS


def test_a_canary_that_is_surely_and_clearly_worse_fails() -> None:
    measurement = judge([value + 15 for value in STABLE], STABLE)

    assert measurement.verdict is Verdict.FAILURE
    assert measurement.message == "the canary's median is higher by 15, 10 is allowed"
    assert measurement.value.startswith("+15 [")


def test_a_sure_difference_within_the_threshold_succeeds() -> None:
    assert judge([value + 8 for value in STABLE], STABLE).verdict is Verdict.SUCCESS


def test_a_large_difference_that_may_be_chance_succeeds() -> None:
    assert judge([50.0, 300, 20, 280, 140, 310], [100.0, 290, 30, 60, 270, 15]).verdict is Verdict.SUCCESS


def test_a_decrease_is_bad_where_the_metric_says_so() -> None:
    fewer = Comparison(threshold=0.1, direction=Direction.DECREASE)

    assert judge([value - 15 for value in STABLE], STABLE, fewer).verdict is Verdict.FAILURE
    assert judge([value + 15 for value in STABLE], STABLE, fewer).verdict is Verdict.SUCCESS


@pytest.mark.parametrize("verdict", Verdict)
def test_a_side_without_values_is_no_data(verdict: Verdict) -> None:
    metric = MetricCriteria(name="p99", no_data=verdict)

    for canary, stable, side in (([], STABLE, "the canary"), (STABLE, [math.nan, math.inf], "stable")):
        measurement = compared(metric, Comparison(threshold=0.1), canary, stable, at=NOW)
        assert (measurement.verdict, measurement.message) == (verdict, f"no data of {side}")


def test_few_values_are_inconclusive() -> None:
    assert judge([500.0] * 4, STABLE).verdict is Verdict.INCONCLUSIVE
    assert judge([500.0] * 4, STABLE[:4], Comparison(threshold=0.1, minimum=1)).verdict is Verdict.INCONCLUSIVE


def test_healthy_canaries_are_rarely_accused() -> None:
    chance = random.Random(7)  # noqa: S311
    accused = 0
    for _ in range(1000):
        canary, stable = ([chance.lognormvariate(0, 1) for _ in range(15)] for _ in range(2))
        accused += judge(canary, stable, Comparison(threshold=0)).verdict is Verdict.FAILURE

    assert accused <= 20  # 1 % is promised of one side; 20 of 1000 is three standard deviations above
