"""What a stage waits for, one thing at a time."""

from __future__ import annotations

from gitops_agent.rollout.state import Adoption, Phase, Stage
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import canary
from tests.rollout.release import REST, V2, V3


def test_a_workload_counts_as_adopted_only_once_its_service_selects() -> None:
    cluster = Cluster(policy=canary())
    while cluster.step().state.adoption is not Adoption.SELECT:
        cluster.turn()
        cluster.tick(1)
    cluster.turn(crash_after=1)  # written down, and not yet done

    assert (cluster.step().state.adoption, cluster.selected) == (Adoption.SELECT, False)


def test_a_run_waits_until_nothing_of_an_earlier_one_is_left() -> None:
    cluster = started()
    cluster.until("Pending")
    cluster.leave_behind(V3)
    assert cluster.step().state.phase is Phase.PENDING
    cluster.turn()

    assert (cluster.step().state.phase, cluster.leftovers) == (Phase.PROVISION, [])


def test_the_promotion_goes_on_only_when_the_rest_of_the_version_is_applied_too() -> None:
    cluster = started()
    cluster.until("Promote", "Roll")
    rest = cluster.live.pop(REST)
    assert (cluster.step().state.stage, cluster.primary) == (Stage.ROLL, V2)
    cluster.live[REST] = rest

    assert cluster.step().state.stage is Stage.BACK


def test_a_canary_below_full_scale_never_takes_everything_however_hopeless_the_workload_is() -> None:
    cluster = started(canary(plain=True))
    cluster.until("Promote", "CutScale")
    cluster.now += cluster.policy.progress_deadline
    cluster.primary_pods, cluster.primary_up = cluster.primary_pods + 1, 0  # the last numbers are not taken up yet

    assert (cluster.step().state.stage, cluster.canary_up) == (Stage.CUT_SCALE, 2)
