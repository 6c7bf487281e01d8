"""What a stage waits for, one thing at a time."""

from __future__ import annotations

from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.state import Adoption, Phase, Share, Stage
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import blue_green, canary
from tests.rollout.release import SETTINGS, V1, V2, V3


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


def test_the_promotion_goes_on_only_when_the_configuration_of_the_version_is_applied_too() -> None:
    cluster = started()
    cluster.until("Promote", "Roll")
    settings = cluster.live.pop(SETTINGS)
    assert (cluster.step().state.stage, cluster.primary) == (Stage.ROLL, V2)
    cluster.live[SETTINGS] = settings

    assert cluster.step().state.stage is Stage.BACK


def test_a_canary_below_full_scale_never_takes_everything_however_hopeless_the_workload_is() -> None:
    cluster = started(canary(plain=True))
    cluster.until("Promote", "CutScale")
    cluster.now += cluster.policy.progress_deadline
    cluster.primary_pods, cluster.primary_up = cluster.primary_pods + 1, 0  # the last numbers are not taken up yet

    assert (cluster.step().state.stage, cluster.canary_up) == (Stage.CUT_SCALE, 2)


def test_an_abort_before_anything_was_made_makes_nothing() -> None:
    cluster = started()
    cluster.gate = "somebody must approve"
    cluster.until("Pending")
    cluster.command(CommandKind.ABORT)
    made = set[object]()
    while cluster.state.phase is not Phase.HELD:
        cluster.turn()
        made |= {key for key in cluster.log if "web-c" in str(key)}
        cluster.tick(1)

    assert (made, cluster.primary, cluster.faults) == (set(), V1, [])


def test_a_share_is_not_taken_back_to_a_workload_without_pods_however_few_the_canary_has() -> None:
    cluster = started(blue_green())
    cluster.uptake = 5
    cluster.until("Promote", "CutRoute")
    assert cluster.share == Share(weight=100)
    cluster.primary_up, cluster.canary_up = 0, 1
    cluster.turn()

    assert (cluster.share, cluster.state.stage) == (Share(weight=100), Stage.CUT_ROUTE)
