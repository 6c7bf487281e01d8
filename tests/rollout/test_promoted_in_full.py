"""A rejected version that a user promotes all the same."""

from __future__ import annotations

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.state import Phase, Stage
from tests.rollout.cluster import started
from tests.rollout.policies import blue_green, canary
from tests.rollout.release import V2


@pytest.mark.parametrize("policy", [canary(), canary(plain=True), blue_green(autoPromote=False)])
def test_a_rejected_version_is_promoted_without_its_steps_on_command(policy: RolloutPolicySpec) -> None:
    cluster = started(policy)
    cluster.until("Step", "Hold")
    cluster.command(CommandKind.ABORT)
    cluster.settle()
    assert cluster.state.phase is Phase.HELD

    cluster.command(CommandKind.PROMOTE)
    stages = set()
    for _ in range(200):
        cluster.turn()
        cluster.tick(1)
        stages.add((cluster.state.phase, cluster.state.stage))

    assert (cluster.state.phase, cluster.primary, cluster.faults) == (Phase.IDLE, V2, [])
    assert (Phase.STEP, Stage.HOLD) not in stages
    assert cluster.state.rejected == ()
