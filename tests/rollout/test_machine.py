"""Each way from one phase into the next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.describe import describe
from gitops_agent.rollout.observation import Answer
from gitops_agent.rollout.phases.exit import REMEMBERED
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Share, Stage
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import METRIC, blue_green, canary, rolling
from tests.rollout.release import V1, V2, V3, version


def results(cluster: Cluster) -> list[str]:
    return [entry.result for entry in cluster.state.history]


def test_a_workload_is_adopted_pods_first_and_only_then_the_service() -> None:
    cluster = Cluster(policy=canary())
    order: list[tuple[bool, bool]] = []
    for _ in range(10):
        cluster.turn()
        cluster.tick(1)
        order.append((cluster.labelled, cluster.selected))

    assert list(dict.fromkeys(order)) == [(False, False), (True, False), (True, True)]
    assert cluster.state.adoption is Adoption.DONE


def test_a_change_outside_the_pods_is_a_plain_apply() -> None:
    cluster = started()
    cluster.head = replace(V1, commit="f" * 40)
    cluster.settle()

    assert (cluster.state.phase, cluster.state.stable, cluster.rest) == (Phase.IDLE, cluster.head, cluster.head)
    assert not cluster.state.history


@pytest.mark.parametrize(
    ("plain", "surge", "unavailable"),
    [(True, 0, 1), (True, 25, 1), (True, 25, 0), (True, 100, 1), (False, 25, 1), (False, 100, 1)],
)
def test_a_step_may_take_the_traffic_back(*, plain: bool, surge: int, unavailable: int) -> None:
    steps: list[dict[str, object]] = [{"weight": 50, "pause": "30s"}, {"weight": 0, "pause": "30s"}, {"weight": 75}]
    cluster = started(canary(steps, plain=plain, surge=surge))
    cluster.max_unavailable = unavailable
    cluster.until("Step", "Hold", step=1)
    assert (cluster.share, cluster.primary_up) == (Share(), 4)
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V2, [])


def test_a_good_version_is_promoted() -> None:
    cluster = started()
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, results(cluster)) == (Phase.IDLE, V2, ["Promoted"])


def test_the_first_pods_come_up_without_traffic() -> None:
    cluster = started()
    cluster.until("Provision")

    assert (cluster.share, cluster.canary_pods, cluster.canary_up) == (Share(), 1, 1)


def test_a_canary_that_does_not_come_up_is_rejected_and_remembered() -> None:
    cluster = started(broken=frozenset({V2.hash}))
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, results(cluster)) == (Phase.HELD, V1, ["RolledBack"])
    assert "crash loop" in cluster.state.reason


def test_what_keeps_the_pods_from_coming_up_is_reported_while_it_is_waited_for() -> None:
    cluster = started(broken=frozenset({V2.hash}))
    cluster.until("Provision")
    cluster.turn()
    cluster.turn()

    assert "without traffic (crash loop)" in describe(cluster.state, cluster.policy)


def test_of_rejected_versions_only_so_many_are_remembered() -> None:
    cluster = started()
    for number in range(2, 40):
        cluster.head = version(number)
        cluster.until("Step", "Hold")
        cluster.command(CommandKind.ABORT)
        cluster.until("Held", seconds=15)

    assert len(cluster.state.rejected) == REMEMBERED
    assert cluster.state.rejects(version(39))


def test_a_pause_lasts_as_long_as_it_says() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    begin = cluster.now
    cluster.until("Step", "Scale", step=1)

    assert timedelta(seconds=60) <= cluster.now - begin <= timedelta(seconds=65)


def test_an_approval_is_waited_for_however_long_it_takes() -> None:
    cluster = started(canary([{"weight": 50, "approval": True}]))
    cluster.until("Step", "Hold")
    for _ in range(20):
        cluster.turn()
        cluster.tick(3600)
    assert (cluster.state.phase, cluster.state.stage) == (Phase.STEP, Stage.HOLD)
    cluster.command(CommandKind.APPROVE)
    cluster.settle()

    assert cluster.primary == V2


@pytest.mark.parametrize("first", [{"weight": 50, "approval": True}, {"weight": 50, "pause": "10m"}])
def test_advancing_a_step_ends_its_waits_and_no_other_ones(first: Object) -> None:
    cluster = started(canary([first, {"weight": 75, "approval": True}]))
    cluster.until("Step", "Hold")
    begin = cluster.now
    cluster.command(CommandKind.ADVANCE)
    cluster.until("Step", "Hold", step=1)
    assert cluster.now - begin < timedelta(minutes=1)
    for _ in range(20):
        cluster.turn()
        cluster.tick(60)

    assert (cluster.state.phase, cluster.state.step) == (Phase.STEP, 1)


def test_advancing_a_step_does_not_overrule_its_metrics() -> None:
    cluster = started(canary([{"weight": 50, "analysis": True, "approval": True}], metrics=True), answer=Answer.FAILURE)
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.ADVANCE)
    cluster.settle()

    assert (cluster.state.phase, cluster.primary) == (Phase.HELD, V1)


def test_a_reason_that_was_given_stands_beside_who_gave_it() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.commands.append(Command(order=CommandKind.ABORT, nonce="x", actor="ada", reason="latency doubled"))
    cluster.settle()

    assert cluster.state.rejected[0].reason == "aborted by ada: latency doubled"


def test_a_metric_that_fails_takes_the_traffic_away_at_once() -> None:
    cluster = started(canary([{"weight": 50, "analysis": True}], metrics=True), answer=Answer.FAILURE)
    cluster.until("Step", "Hold")
    for _ in range(3):
        cluster.turn()

    assert (cluster.state.phase, cluster.share) == (Phase.ABORT, Share())


def test_what_ends_a_run_takes_the_traffic_back_in_the_same_step() -> None:
    cluster = started()
    cluster.until("Step", "Hold", step=1)
    cluster.command(CommandKind.ABORT)
    cluster.turn()

    assert (cluster.state.phase, cluster.share) == (Phase.ABORT, Share())


def test_a_share_waits_until_every_pod_it_needs_can_be_reached() -> None:
    cluster = started()
    cluster.until("Step", "Scale", step=1)
    cluster.unlisted = 1
    for _ in range(10):
        cluster.turn()
        cluster.tick(1)
    assert (cluster.state.stage, cluster.canary_up, cluster.share.weight) == (Stage.SCALE, 2, 25)

    cluster.unlisted = 0
    cluster.until("Step", "Hold", step=1)


def test_the_traffic_comes_back_to_a_workload_only_when_its_pods_can_be_reached() -> None:
    cluster = started()
    cluster.until("Promote", "Roll")
    cluster.unlisted = 1
    for _ in range(20):
        cluster.turn()
        cluster.tick(1)
    assert (cluster.state.stage, cluster.share.weight) == (Stage.BACK, 100)

    cluster.unlisted = 0
    cluster.settle()
    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V2, [])


@pytest.mark.parametrize("step", [0, 1])
def test_a_route_that_is_refused_ends_the_run_at_once(step: int) -> None:
    cluster = started()
    cluster.until("Step", "Route", step=step)
    cluster.refused = True
    for _ in range(3):
        cluster.turn()

    assert (cluster.state.phase, cluster.share) == (Phase.ABORT, Share())
    assert "refused" in cluster.state.reason


def test_a_route_that_is_refused_as_git_has_it_too_keeps_no_run_from_ending_for_ever() -> None:
    cluster = started()
    cluster.until("Step", "Route", step=1)
    cluster.refused = True
    begin = cluster.now
    cluster.until("Abort", "Drain", turns=2000)
    assert cluster.now - begin >= cluster.policy.progress_deadline
    cluster.settle()

    assert (cluster.state.phase, cluster.canary, cluster.faults) == (Phase.HELD, None, [])


def test_a_metric_that_only_errs_never_passes_but_pauses() -> None:
    cluster = started(canary([{"weight": 50, "analysis": True}], metrics=True), answer=Answer.ERROR)
    cluster.until("Paused")
    for _ in range(20):
        cluster.turn()
        cluster.tick(60)
    assert (cluster.state.phase, cluster.share.weight) == (Phase.PAUSED, 50)
    cluster.answer = Answer.SUCCESS
    cluster.command(CommandKind.RESUME)
    cluster.settle()

    assert cluster.primary == V2


def test_a_newer_version_supersedes_and_the_older_one_is_not_rejected() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.head = V3
    cluster.settle()

    assert (cluster.primary, results(cluster), cluster.state.rejected) == (V3, ["Promoted", "Superseded"], ())


def test_git_back_at_stable_ends_the_run() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.head = V1
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.canary, cluster.state.rejected) == (Phase.IDLE, V1, None, ())


def test_while_the_workload_rolls_a_newer_version_waits() -> None:
    cluster = started()
    cluster.until("Promote", "Roll")
    cluster.head = V3
    cluster.turn()
    assert (cluster.state.phase, cluster.state.target) == (Phase.PROMOTE, V2)
    cluster.settle()

    assert (cluster.primary, results(cluster)) == (V3, ["Promoted", "Promoted"])


def test_a_workload_that_does_not_take_the_version_gets_the_stable_one_back_behind_the_canary() -> None:
    cluster = started()
    cluster.until("Promote", "Roll")
    cluster.broken = frozenset({V2.hash})
    cluster.turn()
    cluster.until("Promote", "Restore")
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.HELD, V1, [])


def test_an_aborted_version_stays_out_until_it_is_forgiven() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.ABORT)
    cluster.settle()
    assert (cluster.state.phase, cluster.primary) == (Phase.HELD, V1)
    cluster.command(CommandKind.RETRY)
    cluster.settle()

    assert cluster.primary == V2


def test_a_command_is_obeyed_once_however_often_it_is_read() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.PAUSE)
    cluster.turn()
    cluster.command(CommandKind.RESUME)
    cluster.turn()
    cluster.turn()

    assert cluster.state.phase is Phase.STEP


def test_a_command_about_another_version_does_nothing() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.commands.append(Command(order=CommandKind.ABORT, nonce="x", hash=V3.hash))
    cluster.turn()

    assert (cluster.state.phase, "x" in cluster.state.nonces) == (Phase.STEP, True)


def test_a_canary_without_pods_loses_its_traffic_and_gets_it_back_with_them() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.canary_up = 0
    cluster.turn()
    assert cluster.share == Share()
    cluster.until("Step", "Hold")

    assert cluster.share == Share(weight=25)


def test_an_edited_policy_counts_from_the_next_run_on() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.policy = canary([{"weight": 99, "approval": True}])
    cluster.settle()

    assert cluster.primary == V2


def test_a_promotion_by_hand_skips_the_steps_but_not_the_readiness() -> None:
    cluster = started(canary([{"weight": 1, "approval": True}, {"weight": 2, "approval": True}]))
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.PROMOTE)
    cluster.settle()

    assert (cluster.primary, cluster.faults) == (V2, [])


def test_one_verdict_of_a_comparison_is_enough_whatever_number_of_values_it_was_made_of() -> None:
    metric = {**METRIC, "compare": "stable", "maxIncrease": "10%", "samples": 20}
    cluster = started(canary([{"weight": 50, "analysis": True}], analysis={"metrics": [metric]}))
    cluster.until("Step", "Hold")
    for _ in range(4):
        cluster.turn()
        cluster.tick(30)

    assert len(cluster.measurements) < 20
    assert cluster.state.phase is not Phase.STEP


def test_blue_green_switches_everything_at_once() -> None:
    cluster = started(blue_green())
    weights = []
    for _ in range(200):
        cluster.turn()
        weights.append(cluster.share.weight)
        cluster.tick(5)

    assert list(dict.fromkeys(weights)) == [0, 100]
    assert cluster.primary == V2


def test_rolling_has_no_second_deployment_and_comes_back_by_itself() -> None:
    cluster = started(rolling(metrics=True), answer=Answer.FAILURE)
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.canary) == (Phase.HELD, V1, None)


def test_the_workloads_of_one_application_cut_together() -> None:
    cluster = started()
    cluster.until("Promote", "CutScale")
    cluster.barrier = False
    for _ in range(5):
        cluster.turn()
        cluster.tick(1)
    assert (cluster.state.stage, cluster.canary_up) == (Stage.CUT_SCALE, 4), "it is ready, and waits"

    cluster.barrier = True
    cluster.until("Promote", "CutHold")
    cluster.barrier = False
    for _ in range(20):
        cluster.turn()
        cluster.tick(10)
    assert cluster.state.stage is Stage.CUT_HOLD


def test_a_lost_state_leads_out_of_the_run_first() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    cluster.state = RolloutState()
    cluster.turn()
    assert (cluster.state.phase, cluster.share) == (Phase.SUPERSEDED, Share())
    cluster.settle()

    assert (cluster.primary, cluster.faults) == (V2, [])


def test_at_rest_nothing_is_written_and_nothing_is_done() -> None:
    cluster = started()
    cluster.settle()

    result = cluster.step()
    assert (result.state, result.replicas) == (cluster.state, Replicas.of(cluster.state))
    assert (result.measure, result.wake_at) == ((), None)
    assert cluster.plan(result) is None


def test_the_state_is_persisted_before_anything_is_done() -> None:
    cluster = started()
    for _ in range(60):
        before, state = cluster.state, cluster.step().state
        cluster.turn()
        assert cluster.state == state
        assert (state != before) == (cluster.log[:1] == ["state"])
        assert "state" not in cluster.log[1:]
        cluster.tick(5)


@pytest.mark.parametrize("same_commit", [True, False])
def test_a_run_that_waits_takes_up_the_policy_that_corrects_it(*, same_commit: bool) -> None:
    cluster = started(canary([{"weight": 50}]))
    cluster.gate = "HTTPRoute typo is not declared by this application"
    cluster.settle(turns=10)
    assert cluster.state.phase is Phase.PENDING
    assert "typo" in cluster.state.reason

    cluster.policy, cluster.gate = blue_green(), ""
    if not same_commit:
        cluster.head = replace(V2, commit="e" * 40)
    cluster.until("Step", "Hold")

    assert (cluster.running, cluster.state.target) == (run(blue_green()), cluster.head)
    assert (cluster.state.history, cluster.faults) == ((), [])
