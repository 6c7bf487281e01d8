"""A share and its pods, between the decision and the write."""

from __future__ import annotations

from copy import deepcopy

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Phase, Share, Stage
from gitops_agent.rollout.step_context import StepContext
from tests.rollout.cluster import Cluster, started
from tests.rollout.moments import POLICY, running, seen
from tests.rollout.policies import blue_green, canary
from tests.rollout.release import V2
from tests.rollout.world import START


@pytest.mark.parametrize(("policy", "phase", "stage"), [(blue_green(), "Promote", "CutRoute"), (canary(), "Step", "Route")])
def test_a_share_is_not_raised_when_its_pods_go_before_it_is_in_force(
    policy: RolloutPolicySpec, phase: str, stage: str
) -> None:
    cluster = started(policy)
    cluster.replicas = cluster.primary_pods = cluster.primary_up = 8
    ahead = deepcopy(cluster)
    while (ahead.state.phase, ahead.state.stage) != (phase, stage):
        cluster = deepcopy(ahead)
        ahead.turn()
        ahead.tick(1)
    cluster.turn(crash_after=1)  # written down, and not yet done
    assert (cluster.state.stage, cluster.share) == (stage, Share())
    cluster.canary_up = 1
    cluster.turn()
    assert (cluster.share, cluster.faults) == (Share(), [])
    cluster.settle()

    assert (cluster.primary, cluster.faults) == (V2, [])


def test_a_share_is_not_raised_when_the_workload_grows_before_it_is_in_force() -> None:
    cluster = Cluster(policy=canary(surge=25), autoscaled=True)
    cluster.settle(turns=30)
    cluster.head = V2
    while cluster.step().state.stage != "Route":
        cluster.turn()
        cluster.tick(1)
    cluster.turn(crash_after=1)  # written down, and not yet done
    cluster.replicas = 5
    cluster.settle()

    assert (cluster.primary, cluster.faults) == (V2, [])


def test_the_same_share_again_stays_verified() -> None:
    state = running(Phase.STEP, Stage.HOLD, weight=25)
    ctx = StepContext(state=state, seen=seen(state), policy=POLICY, run=run(POLICY), now=START)
    assert ctx.state.traffic.verified_at is not None

    assert ctx.wanting(ctx.state.traffic.want) == ctx.state.traffic
    assert ctx.wanting(Share(weight=50)).verified_at is None
