from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.traffic.weights import divide, fits

backends = st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=6)


@given(backends, st.integers(1, 100), st.sampled_from([999, 1_000_000]), st.sampled_from([0, 100]))
def test_the_sum_is_the_same_for_every_percentage(entries: list[tuple[int, bool]], percent: int, limit: int, keep: int) -> None:
    weights, ours = [weight for weight, _ in entries], [mine for _, mine in entries]
    sums = {sum(map(sum, divide(weights, ours, each, limit=limit, keep=keep))) for each in (1, percent, 100)}

    assert sums in ({sum(weights)}, {100 * sum(weights)})


@given(backends, st.integers(1, 100), st.sampled_from([999, 1_000_000]), st.sampled_from([0, 100]))
def test_the_canary_gets_its_share_of_the_service_and_no_other_backend_gives(
    entries: list[tuple[int, bool]], percent: int, limit: int, keep: int
) -> None:
    weights, ours = [weight for weight, _ in entries], [mine for _, mine in entries]
    shares = divide(weights, ours, percent, limit=limit, keep=keep)
    factor = sum(map(sum, shares)) // sum(weights) if sum(weights) else 1

    for weight, mine, share in zip(weights, ours, shares, strict=True):
        assert share.stable >= 0
        assert share.canary >= 0
        assert sum(share) == weight * factor
        assert mine or share.canary == 0
        assert abs(share.canary * 100 - weight * factor * percent * mine) < 100
    stable = sum(share.stable for share, mine in zip(shares, ours, strict=True) if mine)
    canary = sum(share.canary for share in shares)
    assert fits(stable, canary, percent, named=True)


def test_where_the_numbers_are_large_enough_the_division_is_exact() -> None:
    assert divide([3, 1], [True, False], 25, limit=1_000_000) == [(225, 75), (100, 0)]


def test_a_sum_that_is_to_be_kept_is_kept() -> None:
    assert divide([75, 25], [True, False], 25, limit=1_000_000, keep=100) == [(56, 19), (25, 0)]
    assert divide([1, 1], [True, False], 25, limit=1_000_000, keep=100) == [(75, 25), (100, 0)]


def test_the_limit_of_the_api_is_kept() -> None:
    assert divide([75, 25], [True, False], 10, limit=999) == [(67, 8), (25, 0)]


@pytest.mark.parametrize(
    ("stable", "canary", "percent", "named", "expected"),
    [
        (95, 5, 5, True, True),
        (71, 4, 5, True, True),
        (90, 10, 5, True, False),
        (9, 0, 5, False, False),
        (1, 0, 5, True, True),
        (1, 0, 0, False, True),
        (100, 0, 0, True, False),
    ],
)
def test_live_weights_fit(stable: int, canary: int, percent: int, named: bool, expected: bool) -> None:  # noqa: FBT001
    assert fits(stable, canary, percent, named=named) is expected
