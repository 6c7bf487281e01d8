"""Rollouts of workloads that were broken or empty before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.machine import step
from gitops_agent.rollout.observation import Routing
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.rollout.traffic.router import Verdict
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import blue_green, canary, rolling
from tests.rollout.release import V1, V2, V3


@pytest.mark.parametrize("surge", [0, 100])
def test_a_workload_without_pods_takes_a_new_version_at_once(surge: int) -> None:
    cluster = Cluster(policy=canary(plain=True, surge=surge), replicas=0, max_unavailable=0, primary_pods=0, primary_up=0)
    cluster.settle(turns=30)
    cluster.head = V2
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.canary, cluster.faults) == (Phase.IDLE, V2, None, [])


@pytest.mark.parametrize("policy", [canary(plain=True), canary(plain=True, surge=0), canary(plain=True, surge=25), canary()])
@pytest.mark.parametrize("up", [0, 2])
def test_a_version_that_fixes_a_broken_workload_is_not_blamed_for_it(policy: RolloutPolicySpec, up: int) -> None:
    cluster = started(policy)
    cluster.broken, cluster.primary_up = frozenset({V1.hash}), up
    for _ in range(8):
        cluster.settle(turns=100)
        if cluster.state.phase is Phase.PAUSED:
            assert "the workload itself has" in cluster.state.reason
            cluster.command(CommandKind.PROMOTE)

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V2, [])


@pytest.mark.parametrize("policy", [rolling(), canary(plain=True), canary(), blue_green()])
def test_a_second_attempt_to_fix_a_broken_workload_does_not_wait_for_it(policy: RolloutPolicySpec) -> None:
    cluster = started(policy, broken=frozenset({V1.hash, V2.hash}))
    cluster.primary_up = 0
    cluster.settle(turns=200)
    cluster.head = V3
    for _ in range(3):
        cluster.settle(turns=200)
        cluster.command(CommandKind.PROMOTE)

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V3, [])


def test_behind_a_plain_service_without_an_endpoint_a_rollback_ends_by_its_deadline() -> None:
    cluster = started(canary(plain=True))
    cluster.broken, cluster.primary_up = frozenset({V1.hash, V2.hash}), 0
    cluster.until("Abort", "Unroute", seconds=15)
    cluster.until("Held", seconds=15, turns=120)

    assert (cluster.primary, cluster.canary, cluster.faults) == (V1, None, [])


def test_behind_a_plain_service_a_promotion_by_hand_does_not_wait_for_a_share_that_cannot_be_seen() -> None:
    cluster = started(canary(plain=True, surge=25))
    cluster.broken, cluster.primary_up = frozenset({V1.hash}), 0
    cluster.until("Step", "Scale")
    cluster.command(CommandKind.PROMOTE)
    cluster.until("Promote", "Roll", seconds=15)

    assert cluster.state.rejected == ()


def test_a_canary_that_serves_alone_goes_when_another_version_waits() -> None:
    cluster = started(canary([{"weight": 50, "approval": True}]))
    cluster.until("Step", "Hold")
    cluster.broken, cluster.primary_up = frozenset({V1.hash}), 0
    cluster.command(CommandKind.ABORT)
    cluster.settle(turns=100)
    assert (cluster.state.phase, cluster.share.weight) == (Phase.ABORT, 50), "nothing else serves"
    cluster.head = V3
    for _ in range(3):
        cluster.settle(turns=200)
        cluster.command(CommandKind.APPROVE)

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V3, [])


def test_a_broken_workload_is_made_ready_though_its_pods_are_never_replaced() -> None:
    cluster = Cluster(policy=canary(), primary_up=0, broken=frozenset({V1.hash}), stays=True)
    cluster.settle(turns=5)
    cluster.head = V2
    cluster.settle(turns=200)

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V2, [])


@pytest.mark.parametrize("policy", [canary(), canary(plain=True), blue_green()])
@pytest.mark.parametrize("way", ["a corrected version", "the stable version", "abort", "the deadline"])
def test_a_canary_that_the_api_server_refuses_keeps_no_run_from_ending(policy: RolloutPolicySpec, way: str) -> None:
    cluster = started(policy)
    cluster.unacceptable = frozenset({V2.hash})
    cluster.until("Provision")
    cluster.turn()
    if way == "a corrected version":
        cluster.head = V3
    elif way == "the stable version":
        cluster.head = V1
    elif way == "abort":
        cluster.command(CommandKind.ABORT)

    if way == "a corrected version":
        for _ in range(200):
            cluster.turn()
            cluster.tick(5)
            if cluster.state.phase is Phase.PROVISION and cluster.state.target == V3:
                break
        assert cluster.state.target == V3
        assert [entry.result for entry in cluster.state.history] == ["Superseded"]
    else:
        cluster.settle()
        assert cluster.state.phase is (Phase.IDLE if way == "the stable version" else Phase.HELD)
        assert (cluster.canary, cluster.service, cluster.primary) == (None, False, V1)
    assert cluster.faults == []


@pytest.mark.parametrize("abort", [False, True])
def test_a_run_whose_service_is_gone_ends(*, abort: bool) -> None:
    policy = canary(plain=True)
    cluster = started(policy)
    cluster.until("Promote", "CutHold" if abort else "Back")
    if abort:
        cluster.command(CommandKind.ABORT)
    state, now = cluster.state, cluster.now
    for _ in range(40):
        traffic = state.traffic.want
        observed = replace(
            cluster.observe(),
            service=False,
            reachable=0,
            canary_service=state.stage is not Stage.SERVICE,
            routing=Routing(share=traffic, verdict=Verdict.NOT_YET, reason="the Service web has no ready endpoints"),
        )
        state, now = step(state, observed, policy, now).state, now + timedelta(seconds=5)
        if state.stage is Stage.WORKLOAD:
            break

    assert (state.phase, state.stage) == (Phase.ABORT if abort else Phase.FINALIZE, Stage.WORKLOAD)
    assert now - cluster.now < policy.progress_deadline


def created(policy: RolloutPolicySpec) -> Cluster:
    """A workload created with its policy, none of whose pods came up."""
    cluster = started(policy)
    cluster.head, cluster.state = V1, RolloutState()
    cluster.broken, cluster.primary_up = frozenset({V1.hash}), 0
    return cluster


@pytest.mark.parametrize("policy", [canary(plain=True), canary(), blue_green()])
def test_a_first_version_that_never_came_up_is_replaced_without_steps(policy: RolloutPolicySpec) -> None:
    cluster = created(policy)
    cluster.settle(turns=5)
    cluster.head = V2
    cluster.settle(turns=20, seconds=1)

    assert (cluster.state.phase, cluster.primary, cluster.canary, cluster.faults) == (Phase.IDLE, V2, None, [])
    assert not cluster.state.unproven


@pytest.mark.parametrize("policy", [canary(plain=True), canary(), blue_green()])
def test_a_fix_of_a_fix_of_a_first_version_waits_for_no_deadline(policy: RolloutPolicySpec) -> None:
    cluster = created(policy)
    cluster.broken = frozenset({V1.hash, V2.hash})
    cluster.settle(turns=5)
    cluster.head = V2
    cluster.until("Promote", "Roll", seconds=1)
    cluster.head = V3
    cluster.settle(turns=20, seconds=1)

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V3, [])


def test_a_first_version_that_came_up_once_is_replaced_by_steps() -> None:
    cluster = created(canary())
    cluster.broken = frozenset()
    cluster.settle(turns=10)
    cluster.broken, cluster.primary_up = frozenset({V1.hash}), 0
    cluster.head = V2
    cluster.until("Provision")

    assert cluster.faults == []
