"""The Cut: the canary has all traffic, the workload the stable version."""

from __future__ import annotations

from gitops_agent.rollout.state import Share
from tests.rollout.cluster import started


def test_a_share_that_was_taken_away_by_hand_is_as_new_as_any_when_the_workload_is_to_roll() -> None:
    cluster = started()
    cluster.until("Promote", "CutHold")
    cluster.tick(300)
    cluster.share = Share()
    cluster.turn()
    cluster.until("Promote", "Roll")

    assert cluster.now >= cluster.full_since + cluster.policy.drain
    assert cluster.faults == []
