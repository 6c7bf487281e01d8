from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.analysis.mann_whitney import VALUES_LIMIT, exact_rank, orderings, shift, thinned


@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 3), (4, 4), (5, 2), (3, 6)])
def test_orderings_are_those_one_gets_by_trying_all(m: int, n: int) -> None:
    counts = [0] * (m * n + 1)
    for places in combinations(range(m + n), m):
        counts[sum(place - earlier for earlier, place in enumerate(places))] += 1

    assert orderings(m, n) == tuple(counts)


@pytest.mark.parametrize(
    ("m", "n", "critical"),
    # Tables of the Mann-Whitney U test, two sides, 2 % (the largest U that is still significant).
    [(5, 5, 1), (6, 6, 3), (7, 7, 6), (8, 8, 9), (10, 10, 19), (5, 10, 6), (12, 12, 31), (20, 20, 114)],
)
def test_the_rank_is_the_critical_value_of_the_tables(m: int, n: int, critical: int) -> None:
    assert exact_rank(m, n, 0.01) == critical + 1


def test_an_interval_computed_by_hand() -> None:
    # 5 a side at 98 %: k = 2, so the second smallest and second largest of the 25 differences.
    interval = shift([11, 12, 14, 17, 21], [1, 2, 4, 7, 11])

    differences = sorted(up - down for up in (11, 12, 14, 17, 21) for down in (1, 2, 4, 7, 11))
    assert differences[0] == 0
    assert (interval.lower, interval.estimate, interval.upper) == (1, 10, 19)
    assert interval.exact


def test_four_a_side_say_nothing_at_98_percent() -> None:
    interval = shift([100, 101, 102, 103], [1, 2, 3, 4])

    assert (interval.lower, interval.upper) == (-math.inf, math.inf)
    assert not interval.known


def test_the_normal_approximation_computed_by_hand() -> None:
    # 25 a side: k = floor(312.5 + 0.5 - 2.3263 * sqrt(625 / 12 * 51)) = floor(313 - 119.89) = 193.
    canary, stable = [float(value) for value in range(100, 125)], [float(value) for value in range(25)]
    interval = shift(canary, stable)

    differences = sorted(up - down for up in canary for down in stable)
    assert (interval.lower, interval.upper) == (differences[192], differences[-193])
    assert interval.estimate == 100
    assert not interval.exact


def test_ties_make_the_approximation_narrower() -> None:
    # Two values only, 12 and 13 a side of 25: the tie terms are 2 * (12^3 - 12 + 13^3 - 13) = 7800 of 50^3 - 50 = 124950.
    # k = floor(313 - 2.3263 * sqrt(625 / 12 * (51 - 7800 / (50 * 49)))) = floor(313 - 2.3263 * 49.90) = 196.
    stable = [0.0] * 12 + [1.0] * 13
    canary = [10.0] * 12 + [11.0] * 13
    interval = shift(canary, stable)

    differences = sorted(up - down for up in canary for down in stable)
    assert (interval.lower, interval.upper) == (differences[195], differences[-196])


def test_constants_shift_by_a_constant() -> None:
    interval = shift([3.0] * 30, [1.0] * 30)

    assert (interval.lower, interval.estimate, interval.upper) == (2, 2, 2)


values = st.lists(st.integers(-50, 50).map(float), min_size=5, max_size=15)


@given(values, values)
def test_swapping_the_sides_mirrors_the_interval(canary: list[float], stable: list[float]) -> None:
    there, back = shift(canary, stable), shift(stable, canary)

    assert (there.lower, there.estimate, there.upper) == (-back.upper, -back.estimate, -back.lower)
    assert there.lower <= there.estimate <= there.upper


@given(values, values, st.integers(-100, 100))
def test_adding_a_constant_moves_the_interval_by_it(canary: list[float], stable: list[float], more: int) -> None:
    before, after = shift(canary, stable), shift([value + more for value in canary], stable)

    assert (after.lower, after.estimate, after.upper) == (before.lower + more, before.estimate + more, before.upper + more)


def test_one_wild_value_moves_nothing() -> None:
    calm = [float(value) for value in range(20)]

    assert shift([*calm, 1e9], calm).upper < 20


def test_of_many_values_an_even_selection_is_compared() -> None:
    selection = thinned([float(value) for value in range(10 * VALUES_LIMIT)])

    assert len(selection) == VALUES_LIMIT
    assert selection[:3] == [0, 10, 20]


@pytest.mark.parametrize(("canary", "stable", "confidence"), [([], [1.0], 0.9), ([1.0], [math.nan], 0.9), ([1.0], [1.0], 1.0)])
def test_what_cannot_be_compared_is_refused(canary: list[float], stable: list[float], confidence: float) -> None:
    with pytest.raises(ValueError, match=r"sides|confidence"):
        shift(canary, stable, confidence=confidence)
