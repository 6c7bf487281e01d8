from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.replica_counts import ReplicaCounts, largest_weight, motion, ratio, routed, safe_weight, surge_limit


@pytest.mark.parametrize(
    ("replicas", "weight", "expected"),
    [
        (2, 50, (1, 1)),
        (2, 25, (1, 2)),
        (2, 75, (2, 1)),
        (3, 33, (1, 2)),
        (3, 50, (2, 2)),
        (5, 20, (1, 4)),
        (5, 50, (3, 3)),
        (10, 5, (1, 10)),
        (10, 10, (1, 9)),
        (10, 25, (3, 8)),
        (10, 33, (3, 7)),
        (10, 75, (8, 3)),
        (10, 99, (10, 1)),
        (4, 0, (0, 4)),
        (4, 100, (4, 0)),
        (0, 50, (0, 0)),
    ],
)
def test_pods_behind_a_plain_service_come_nearest_to_the_weight(replicas: int, weight: int, expected: tuple[int, int]) -> None:
    counts = ratio(replicas, weight, surge=True)

    assert (counts.canary, counts.stable) == expected


@pytest.mark.parametrize(("replicas", "weight"), [(2, 75), (5, 90), (10, 95), (25, 98)])
def test_a_tie_at_the_top_never_leaves_the_canary_without_pods(replicas: int, weight: int) -> None:
    counts = ratio(replicas, weight, surge=False)

    assert counts.canary == replicas - 1
    assert counts.stable == 1


def test_one_replica_is_split_only_with_a_surge() -> None:
    assert ratio(1, 20, surge=True) == ReplicaCounts(
        canary=1, stable=1, warning="with one replica the weight 20 % is really 50 %"
    )
    assert ratio(1, 20, surge=False).refused
    assert ratio(1, 20, surge=False).canary == 0


@given(replicas=st.integers(2, 200), weight=st.integers(1, 99), surge=st.booleans())
def test_both_sides_keep_a_pod_and_no_split_comes_nearer(replicas: int, weight: int, *, surge: bool) -> None:
    counts = ratio(replicas, weight, surge=surge)
    total = counts.canary + counts.stable

    assert min(counts.canary, counts.stable) >= 1
    assert total in ({replicas, replicas + 1} if surge else {replicas})
    error = abs(Fraction(counts.canary, total) - Fraction(weight, 100))
    for other in {replicas, replicas + 1} if surge else {replicas}:
        assert all(error <= abs(Fraction(canary, other) - Fraction(weight, 100)) for canary in range(1, other))


@given(
    replicas=st.integers(2, 40),
    start=st.integers(1, 99),
    end=st.integers(0, 100),
    surge=st.integers(0, 5),
    missing=st.integers(0, 5),
)
def test_pods_reach_any_goal_within_both_limits(replicas: int, start: int, end: int, surge: int, missing: int) -> None:
    missing = min(missing, replicas - 1) if surge else max(1, min(missing, replicas - 1))
    now, goal = ratio(replicas, start, surge=surge > 0), ratio(replicas, end, surge=surge > 0)
    for _ in range(300):
        following = motion(now, goal, available=now.canary + now.stable, most=replicas + surge, least=replicas - missing)
        assert following.canary + following.stable <= max(replicas + surge, now.canary + now.stable)
        assert following.canary + following.stable >= min(replicas - missing, now.canary + now.stable)
        if (following.canary, following.stable) == (now.canary, now.stable):
            break
        now = following
    assert (now.canary, now.stable) == (goal.canary, goal.stable)


def test_canary_pods_without_traffic_go_whatever_serves() -> None:
    now, goal = ReplicaCounts(canary=1, stable=3), ReplicaCounts(canary=0, stable=4)

    assert motion(now, goal, available=3, most=4, least=3) == now
    assert motion(now, goal, available=3, most=4, least=3, serving=False) == ReplicaCounts(canary=0, stable=3)


def test_a_route_gets_pods_for_its_share_and_never_more_than_the_surge() -> None:
    assert routed(10, 25, limit=10) == 3
    assert routed(10, 0, limit=10, floor=1) == 1
    assert routed(10, 80, limit=4) == 4
    assert (largest_weight(10, limit=10), largest_weight(10, limit=4), largest_weight(0, limit=0)) == (100, 40, 100)
    assert (surge_limit(10, 25), surge_limit(3, 0)) == (3, 0)


def test_the_weight_falls_no_faster_than_the_workload_has_pods() -> None:
    assert safe_weight(100, available=10, replicas=10, max_unavailable=0) == 0
    assert safe_weight(100, available=9, replicas=10, max_unavailable=1) == 0
    assert safe_weight(100, available=6, replicas=10, max_unavailable=1) == 40
    assert safe_weight(20, available=6, replicas=10, max_unavailable=1) == 20


def test_unavailable_pods_of_the_workload_go_though_none_can_be_spared() -> None:
    now, goal = ReplicaCounts(canary=2, stable=4), ReplicaCounts(canary=2, stable=2)

    assert motion(now, goal, available=3, most=8, least=3) == now
    assert motion(now, goal, available=3, most=8, least=3, idle=1) == ReplicaCounts(canary=2, stable=3)
    assert motion(now, goal, available=3, most=8, least=3, idle=9) == ReplicaCounts(canary=2, stable=2)


@given(replicas=st.integers(1, 200), available=st.integers(0, 200), weight=st.integers(0, 100))
def test_the_canary_keeps_what_the_pods_of_the_workload_cannot_carry(replicas: int, available: int, weight: int) -> None:
    kept = safe_weight(weight, available=available, replicas=replicas, max_unavailable=0)

    assert 0 <= kept <= weight
    assert kept == weight or (100 - kept) * replicas <= 100 * available or available >= replicas


def test_a_weight_that_pods_do_not_divide_is_rounded_up_for_the_canary() -> None:
    assert safe_weight(100, available=1, replicas=3, max_unavailable=0) == 67
