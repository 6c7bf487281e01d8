"""The reasons of rollbacks, in state and status."""

from __future__ import annotations

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.describe import describe
from gitops_agent.rollout.observation import WorkloadStatus
from gitops_agent.rollout.state import Phase
from tests.rollout.cluster import started
from tests.rollout.policies import blue_green, canary, rolling
from tests.rollout.release import V2

CRASH = "container web ended with exit code 3 (4 restarts): no database"


@pytest.mark.parametrize("policy", [canary(), canary(plain=True), blue_green(), rolling()])
def test_why_its_pods_did_not_come_up_outlives_them(policy: RolloutPolicySpec) -> None:
    cluster = started(policy, broken=frozenset({V2.hash}))
    cluster.cause = CRASH
    cluster.settle()

    (rejected,), ended = cluster.state.rejected, cluster.state.history[0]
    assert (cluster.state.phase, cluster.faults) == (Phase.HELD, [])
    assert [CRASH in text for text in (rejected.reason, ended.reason, describe(cluster.state, policy))] == [True] * 3


@pytest.mark.parametrize("policy", [canary(), rolling()])
def test_the_cause_is_shown_while_the_pods_are_waited_for(policy: RolloutPolicySpec) -> None:
    cluster = started(policy, broken=frozenset({V2.hash}))
    for cause in ("container web runs but is not ready", CRASH):
        cluster.cause = cause
        cluster.settle(turns=12)
        assert (cluster.state.running, cause in describe(cluster.state, policy)) == (True, True)


def test_what_a_controller_says_stands_before_what_pods_say() -> None:
    pods = WorkloadStatus(version=V2, replicas=1, available=0, failed="ProgressDeadlineExceeded: late", cause=CRASH)

    assert pods.trouble == f"ProgressDeadlineExceeded: late: {CRASH}"
