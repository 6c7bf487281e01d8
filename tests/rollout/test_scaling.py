"""Replicas that Git changes during a run and after a rollback."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.state import Phase, Stage
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import canary
from tests.rollout.release import V1, V2

APPROVED: list[dict[str, Any]] = [{"weight": 25, "approval": True}, {"weight": 50, "approval": True}]


def scaled(cluster: Cluster, replicas: int) -> tuple[int, int]:
    """The pods of both sides after Git changed the replicas."""
    cluster.replicas = replicas
    for _ in range(40):
        cluster.turn()
        cluster.tick(1)
    assert cluster.faults == []
    return cluster.primary_up, cluster.canary_up


@pytest.mark.parametrize(
    ("plain", "grown", "shrunk", "least"),
    [(False, (8, 2), (4, 1), (1, 1)), (True, (6, 2), (3, 1), (1, 1))],
)
def test_both_sides_follow_the_replicas_of_git_within_a_step(
    *, plain: bool, grown: tuple[int, int], shrunk: tuple[int, int], least: tuple[int, int]
) -> None:
    cluster = started(canary(APPROVED, plain=plain))
    cluster.until("Step", "Hold")

    assert [scaled(cluster, replicas) for replicas in (8, 4, 1)] == [grown, shrunk, least]
    assert (cluster.state.phase, cluster.state.step, cluster.state.rejected) == (Phase.STEP, 0, ())


def test_behind_a_plain_service_a_step_begins_once_the_pods_that_leave_serve_no_more() -> None:
    steps = [{"weight": 25, "approval": True}, {"weight": 75, "approval": True}]
    cluster = started(canary(steps, plain=True), linger=8)
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.APPROVE)
    cluster.until("Step", "Route", step=1)
    for _ in range(5):
        cluster.turn()
        cluster.tick(1)
    assert (cluster.canary_up, cluster.primary_up, len(cluster.going), cluster.state.stage) == (3, 1, 1, Stage.ROUTE)

    cluster.until("Step", "Hold", step=1)
    assert cluster.faults == []


def test_a_canary_that_serves_alone_keeps_its_pods_until_the_workload_has_the_traffic() -> None:
    steps: list[dict[str, Any]] = [{"weight": 100, "approval": True}, {"weight": 0, "approval": True}]
    cluster = started(canary(steps, plain=True))
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.APPROVE)
    cluster.pace = 1
    cluster.until("Step", "Hold", step=1)

    assert cluster.faults == []


def test_a_later_step_takes_no_pods_away_but_git_does() -> None:
    steps: list[dict[str, Any]] = [{"weight": 25, "setCanaryScale": {"percent": 100}}, {"weight": 50, "approval": True}]
    cluster = started(canary(steps))
    cluster.until("Step", "Hold", step=1)
    assert cluster.canary_up == 4

    assert scaled(cluster, 2) == (2, 2)


@pytest.mark.parametrize("plain", [False, True])
def test_a_rejected_version_does_not_keep_git_from_scaling_the_stable_one(*, plain: bool) -> None:
    cluster = started(canary(APPROVED, plain=plain))
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.ABORT)
    cluster.settle()
    assert cluster.state.phase is Phase.HELD

    assert [scaled(cluster, replicas)[0] for replicas in (1, 8, 0)] == [1, 8, 0]
    assert cluster.primary == V1


@pytest.mark.parametrize("plain", [False, True])
def test_a_canary_that_takes_over_grows_with_the_replicas_of_git(*, plain: bool) -> None:
    cluster = started(canary([{"weight": 50}], plain=plain))
    cluster.until("Promote", "Roll")
    cluster.lag, cluster.replicas = 3, 8
    cluster.turn()
    if not plain:
        assert cluster.state.canary == 8
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.primary_up, cluster.faults) == (Phase.IDLE, V2, 8, [])


@pytest.mark.parametrize("plain", [False, True])
def test_a_run_of_a_workload_that_git_scales_to_zero_goes_on_once_it_has_pods(*, plain: bool) -> None:
    cluster = started(canary(APPROVED, plain=plain))
    cluster.until("Step", "Hold")
    primary, _ = scaled(cluster, 0)
    before = cluster.persisted
    scaled(cluster, 0)
    assert (primary, cluster.persisted) == (0, before), "nothing moves meanwhile"
    assert cluster.state.traffic.want.none or not plain, "no pod would answer"
    cluster.now += cluster.policy.progress_deadline

    assert scaled(cluster, 4) in {(4, 1), (3, 1)}
    assert cluster.state.phase is Phase.STEP
