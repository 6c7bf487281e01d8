"""The Cut: the canary has all traffic, the workload the stable version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.observation import Answer, Measurement
from gitops_agent.rollout.state import Phase, Share
from tests.rollout.cluster import Cluster, started
from tests.rollout.policies import METRIC, blue_green, canary, rolling
from tests.rollout.release import V2


def test_a_share_that_was_taken_away_by_hand_is_as_new_as_any_when_the_workload_is_to_roll() -> None:
    cluster = started()
    cluster.until("Promote", "CutHold")
    cluster.tick(300)
    cluster.share = Share()
    cluster.turn()
    cluster.until("Promote", "Roll")

    assert cluster.now >= cluster.full_since + cluster.policy.drain
    assert cluster.faults == []


def hung(policy: RolloutPolicySpec) -> Cluster:
    """A promotion whose metric never says anything."""
    cluster = started(policy)
    cluster.until("Promote", "Watch" if policy.strategy.rolling is not None else "CutHold")
    cluster.measurements.clear()
    cluster.answer = Answer.ERROR
    return cluster


HANGING = [canary([{"weight": 50}], metrics=True, delay="10m"), blue_green(metrics=True), rolling(metrics=True)]


@pytest.mark.parametrize("policy", HANGING)
def test_a_promotion_that_waits_for_its_metrics_goes_on_by_command(policy: RolloutPolicySpec) -> None:
    cluster = hung(policy)
    cluster.command(CommandKind.PROMOTE)
    begun = cluster.now
    cluster.until("Idle", seconds=5)

    assert (cluster.primary, cluster.state.history[0].result, cluster.faults) == (V2, "Promoted", [])
    assert (cluster.now - begun).total_seconds() < 600, "nor does it wait for its delay"


def test_a_metric_that_failed_is_not_overruled_by_it() -> None:
    cluster = hung(HANGING[0])
    cluster.tick(60)
    failed = Measurement(metric=str(METRIC["name"]), at=cluster.now, answer=Answer.FAILURE, hash=V2.hash)
    cluster.measurements = [replace(failed, at=cluster.now - timedelta(seconds=second)) for second in range(5)]
    cluster.command(CommandKind.PROMOTE)
    cluster.turn()

    assert cluster.state.phase is Phase.ABORT
