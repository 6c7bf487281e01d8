from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.analysis.expression.evaluator import Condition, ConditionFailed, NoData


def holds(condition: str, result: Any) -> bool:
    return Condition.of(condition).holds(result)


@pytest.mark.parametrize(
    ("condition", "result", "expected"),
    [
        ("result < 0.01", 0.005, True),
        ("result < 0.01", 0.01, False),
        ("result <= 1", 1, True),
        ("result == 3", 3.0, True),
        ("result != 3", 3, False),
        ("1 + 2 * 3 == 7", None, True),
        ("(1 + 2) * 3 == 9", None, True),
        ("10 - 2 - 3 == 5", None, True),
        ("8 / 4 / 2 == 1", None, True),
        ("7 % 4 == 3", None, True),
        ("-result < -1", 2, True),
        ("- -result == 2", 2, True),
        ("true or false and false", None, True),
        ("not true or true", None, True),
        ("not (true or true)", None, False),
        ("!(result > 1) && result >= 0 || false", 0.5, True),
        ("result >= 0.1 and result < 0.5", 0.3, True),
        ("len(result) == 2 and result[0] < 1", [0.5, 9], True),
        ("result[-1] == 9", [0.5, 9], True),
        ('result.status == "ok"', {"status": "ok"}, True),
        ("result['error rate'] < 1", {"error rate": 0}, True),
        ("result.data.items[1].value > 4", {"data": {"items": [{}, {"value": 5}]}}, True),
        ("default(result[0], 0) < 1", [], True),
        ("default(result.value, 7) == 7", {"value": None}, True),
        ("default(result, 0) == 0", math.nan, True),
        ("isNaN(result[0]) or result[0] < 1", [math.nan, 5], True),
        ("isNil(result.error)", {"error": None}, True),
        ("isInf(result)", math.inf, True),
        ("abs(result) < 3", -2, True),
        ("max(result) < 5 and min(result) > 0 and sum(result) == 6 and avg(result) == 2", [1, 2, 3], True),
        ("result == true", True, True),
        ("result == nil", None, True),
        ("result != nil", 4, True),
        ("1e3 == 1000 and .5 == 0.5 and 2. == 2", None, True),
    ],
)
def test_a_condition(condition: str, result: Any, expected: bool) -> None:  # noqa: FBT001
    assert holds(condition, result) is expected


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("result < 1", math.nan),
        ("result > 1", math.nan),
        ("result == 1", math.nan),
        ("result != 1", math.nan),
        ("result < 1", None),
        ("result[0] < 1", []),
        ("result.value < 1", {}),
        ("result.a.b < 1", {"a": None}),
        ("avg(result) < 1", []),
        ("max(result) < 1", [1, math.nan]),
        ("result + 1 < 2", None),
    ],
)
def test_what_is_missing_is_neither_smaller_nor_larger(condition: str, result: Any) -> None:
    with pytest.raises(NoData):
        holds(condition, result)


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("result", 1),
        ("result and true", 1),
        ("not result", 1),
        ("result < 1", "0.5"),
        ("result < 1", True),
        ("result == 1", "1"),
        ("result < true", False),
        ("result + 1 == 2", "1"),
        ("1 / result > 1", 0),
        ("1 % result > 1", 0),
        ("result[0.5] > 1", [1]),
        ("result['a'] > 1", [1]),
        ("result[0] > 1", {"a": 1}),
        ("result.a > 1", 3),
        ("len(result) > 1", 3),
        ("sum(result) > 1", 3),
        ("sum(result) > 1", ["a"]),
        ("result > 1", 10**400),
    ],
)
def test_what_does_not_fit_is_an_error_and_no_verdict(condition: str, result: Any) -> None:
    with pytest.raises(ConditionFailed) as caught:
        holds(condition, result)

    assert not isinstance(caught.value, NoData)


def test_the_right_side_is_not_evaluated_when_the_left_decides() -> None:
    assert holds("len(result) == 0 or result[0] < 1", [])
    assert not holds("len(result) > 0 and result[0] < 1", [])


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(numbers, numbers)
def test_comparisons_are_those_of_numbers(left: float, right: float) -> None:
    assert holds(f"result < {abs(right)!r}", left) is (left < abs(right))
    assert holds("result[0] < result[1]", [left, right]) is (left < right)
    assert holds("result[0] < result[1] or result[0] >= result[1]", [left, right])


@given(st.recursive(st.none() | st.booleans() | numbers | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_whatever_was_measured_a_condition_is_true_false_or_a_known_error(result: Any) -> None:
    for condition in ("result < 1", "len(result) > 0 and result[0] == 1", "not result", "default(result, 1) == 1"):
        try:
            verdict = holds(condition, result)
        except ConditionFailed:
            continue
        assert verdict in {True, False}
