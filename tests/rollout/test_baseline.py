"""The baseline: pods of the stable version to compare a canary with."""

from __future__ import annotations

from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.state import Phase, Share
from tests.rollout.cluster import started
from tests.rollout.policies import METRIC, canary
from tests.rollout.release import V1, V2


def test_a_baseline_is_as_large_as_the_canary_and_ends_with_the_steps() -> None:
    cluster = started(canary([{"weight": 25}, {"weight": 50}, {"weight": 75}], baseline=True))
    sizes = []
    for _ in range(200):
        cluster.turn()
        if cluster.share.weight:
            sizes.append((cluster.share.weight, cluster.canary_pods, cluster.baseline_pods))
        cluster.tick(5)

    assert {(25, 1, 1), (50, 2, 2), (75, 3, 0), (100, 4, 0)} <= set(sizes)
    assert (cluster.primary, cluster.baseline, cluster.faults) == (V2, None, [])


def test_no_traffic_moves_before_the_baseline_is_there_and_one_that_never_comes_rejects_no_version() -> None:
    cluster = started(canary([{"weight": 50}], baseline=True, progressDeadline="2m"))
    cluster.stuck = True
    cluster.until("Provision")
    for _ in range(10):
        cluster.turn()
        cluster.tick(5)
    assert (cluster.state.phase, cluster.share) == (Phase.PROVISION, Share())
    cluster.settle()

    assert (cluster.primary, cluster.baseline) == (V2, None)


def test_an_abort_deletes_the_baseline() -> None:
    cluster = started(canary([{"weight": 50, "approval": True}], baseline=True))
    cluster.until("Step", "Hold")
    assert cluster.baseline == V1
    cluster.command(CommandKind.ABORT)
    cluster.settle()

    assert cluster.state.phase is Phase.HELD
    assert cluster.observe().baseline is None
    assert cluster.faults == []


def test_what_is_compared_is_not_judged_once_all_traffic_is_at_the_canary() -> None:
    metric = {**METRIC, "compare": "stable", "maxIncrease": "10%"}
    cluster = started(canary([{"weight": 50}], analysis={"metrics": [metric]}))
    cluster.until("Promote", "CutHold")
    assert cluster.step().measure == ()
    cluster.settle()

    assert cluster.primary == V2
