"""The replicas the cluster can afford now."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout.machine import still
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import Share
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import canary


def shrinking() -> Cluster:
    """A workload that shrinks by one pod: decided, not yet applied."""
    cluster = started(canary([{"weight": 50, "approval": True}], plain=True, surge=0))
    while cluster.step().state.primary != 3:
        cluster.turn()
        cluster.tick(1)
    cluster.turn(crash_after=1)
    return cluster


def test_what_the_state_asks_for_is_affordable_when_nothing_was_lost() -> None:
    assert shrinking().step().replicas == Replicas(primary=3, canary=0)


def test_no_pod_is_taken_away_that_may_not_be_missing_any_more() -> None:
    cluster = shrinking()
    cluster.max_unavailable = 0

    assert cluster.step().replicas.primary == 4
    cluster.turn()
    assert (cluster.primary_pods, cluster.faults) == (4, [])


def test_no_canary_pod_is_taken_away_while_too_few_serve() -> None:
    cluster = started(canary([{"weight": 50}, {"weight": 25, "approval": True}], plain=True))
    while cluster.step().state.canary != 1 or cluster.state.step != 1:
        cluster.turn()
        cluster.tick(1)
    cluster.turn(crash_after=1)
    cluster.primary_up = 1

    assert (cluster.state.canary, cluster.step().replicas.canary) == (1, 2)


def test_pods_that_the_service_does_not_select_yet_take_the_place_of_no_others() -> None:
    cluster = started(canary([{"weight": 50, "approval": True}], plain=True))
    while not cluster.step().state.traffic.want.weight:
        cluster.turn()
        cluster.tick(1)
    cluster.turn(crash_after=1)

    assert (cluster.selected, cluster.canary_up) == (True, 2)
    assert cluster.step().state.primary == 3, "one may be missing, and the canary stands in for none"
    cluster.until("Step", "Hold")
    assert cluster.faults == []


def test_a_canary_grows_only_once_the_baseline_made_room() -> None:
    cluster = started(canary([{"weight": 50}, {"weight": 75}], baseline=True))
    cluster.until("Step", "Hold")
    cluster.tick(60)
    cluster.turn()
    grown = cluster.step()

    assert (cluster.state.canary, cluster.state.baseline) == (3, 0)
    assert (cluster.log[0], cluster.canary_pods, cluster.baseline_pods) == ("state", 2, 0)
    assert grown.replicas.canary == 3


def test_in_a_rollout_that_may_not_move_the_live_replicas_stay() -> None:
    cluster = shrinking()
    seen = cluster.observe()

    assert still(cluster.state, seen, cluster.policy, cluster.now).replicas == Replicas(primary=4, canary=0)
    ahead = replace(cluster.state, primary=5, traffic=replace(cluster.state.traffic, want=Share(weight=50)))
    assert still(ahead, seen, cluster.policy, cluster.now).replicas.primary == 5
