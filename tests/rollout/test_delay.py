"""The delay after a promotion, which keeps the old pods only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.describe import describe
from gitops_agent.rollout.observation import Answer
from gitops_agent.rollout.state import Phase, Stage
from gitops_agent.rollout.status import to_status
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import blue_green, canary
from tests.rollout.release import V1, V2, V3

POLICIES = {
    "canary": lambda: canary([{"weight": 50}], delay="24h", drain="10s"),
    "plain": lambda: canary([{"weight": 50}], delay="24h", drain="10s", plain=True),
    "judged": lambda: canary([{"weight": 50}], delay="24h", drain="10s", metrics=True),
    "blueGreen": lambda: blue_green(scaleDownDelay="24h", drain="10s"),
}


def kept(policy: RolloutPolicySpec) -> Cluster:
    """A cluster whose promoted version waits for its delay."""
    cluster = started(policy)
    for _ in range(200):
        cluster.turn()
        cluster.tick(1)
        if cluster.state.kept:
            return cluster
    raise AssertionError(f"never kept: {cluster.state.phase} {cluster.state.stage}")


@pytest.mark.parametrize("name", POLICIES)
def test_a_judged_version_with_all_traffic_is_promoted_while_the_old_pods_are_kept(name: str) -> None:
    cluster = kept(POLICIES[name]())

    assert to_status(cluster.state)["stable"] == {"revision": V2.commit, "hash": V2.hash}
    assert [(entry.result, entry.hash) for entry in cluster.state.history] == [("Promoted", V2.hash)]
    assert (cluster.primary, cluster.primary_up, cluster.canary_up, cluster.share.weight) == (V1, 4, 4, 100)
    assert describe(cluster.state, cluster.policy).startswith(f"{V2.hash} is stable: the pods of {V1.hash} are kept, at least")


@pytest.mark.parametrize("name", POLICIES)
def test_the_end_of_the_delay_adds_no_second_promotion(name: str) -> None:
    cluster = kept(POLICIES[name]())
    cluster.now += timedelta(hours=24)
    cluster.settle()

    assert (cluster.state.phase, cluster.primary, cluster.state.stable, cluster.faults) == (Phase.IDLE, V2, V2, [])
    assert [entry.result for entry in cluster.state.history] == ["Promoted"]
    assert not cluster.state.promoted


@pytest.mark.parametrize("name", POLICIES)
def test_a_newer_version_during_the_delay_starts_from_the_new_one(name: str) -> None:
    cluster = kept(POLICIES[name]())
    cluster.head = V3
    served = set()
    while cluster.state.target == V2 or cluster.state.phase is Phase.IDLE:
        cluster.turn()
        cluster.tick(1)
        served.add(cluster.primary if not cluster.share.weight else cluster.canary)

    assert (cluster.state.target, cluster.state.stable, served - {None}) == (V3, V2, {V2})
    assert [entry.result for entry in cluster.state.history] == ["Promoted"]


@pytest.mark.parametrize("name", POLICIES)
def test_a_command_ends_the_delay(name: str) -> None:
    cluster = kept(POLICIES[name]())
    cluster.command(CommandKind.PROMOTE)
    cluster.settle()

    assert (cluster.state.phase, cluster.primary) == (Phase.IDLE, V2)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("revert", [False, True])
def test_the_way_back_during_the_delay_is_one_switch(name: str, *, revert: bool) -> None:
    cluster = kept(POLICIES[name]())
    if revert:
        cluster.head = V1
    else:
        cluster.command(CommandKind.ABORT)
    cluster.turn()

    assert (cluster.share.weight, cluster.primary, cluster.primary_up) == (0, V1, 4)
    cluster.settle()
    assert cluster.state.phase is (Phase.IDLE if revert else Phase.HELD)
    assert [entry.result for entry in cluster.state.history] == ["Superseded" if revert else "RolledBack", "Promoted"]
    assert (cluster.primary, cluster.state.promoted, cluster.faults) == (V1, False, [])


def test_what_is_promoted_is_judged_no_longer() -> None:
    cluster = kept(POLICIES["judged"]())
    cluster.answer = Answer.FAILURE
    for _ in range(60):
        assert cluster.step().measure == ()
        cluster.turn()
        cluster.tick(30)

    assert cluster.state.kept


@pytest.mark.parametrize("name", POLICIES)
def test_a_version_that_loses_its_pods_during_the_delay_gives_way_to_a_newer_one(name: str) -> None:
    cluster = kept(POLICIES[name]())
    cluster.broken = frozenset({V2.hash})
    cluster.tick(1)
    cluster.turn()
    assert cluster.share.weight == 0, "the old pods serve"
    cluster.head = V3
    cluster.settle()

    assert (cluster.state.kept, cluster.state.target, cluster.primary, cluster.faults) == (True, V3, V1, [])


def test_a_delay_that_is_not_longer_than_the_drain_keeps_nothing() -> None:
    cluster = started(canary([{"weight": 50}], delay="1s", drain="10s"))
    cluster.until("Promote", Stage.ROLL)

    assert (cluster.state.promoted, cluster.state.history) == (False, ())
