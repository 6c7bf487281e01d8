from __future__ import annotations

from dataclasses import replace

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Phase, RolloutState, Stage, Version
from tests.agent.rollouts.test_rollout_metrics import POLICY
from tests.rollout.policies import canary
from tests.rollout.release import V1, V2, WEB

V3 = Version(commit="c" * 40, hash="33333333")
PROMOTED = RolloutState(phase=Phase.PROMOTE, stage=Stage.ROLL, stable=V1, target=V2, promoted=True)


def summary(state: RolloutState, head: Version | None) -> RolloutSummary:
    about = ResolvedPolicy(policy=canary(plain=True), workload=WEB, provider=None)
    return RolloutSummary.of(RolloutContext(key=POLICY, raw={}, subject=about, state=state, head=head, stable={}, target={}))


def test_a_promoted_version_is_decided_about_although_its_workload_is_renewed() -> None:
    assert not summary(PROMOTED, V2).open
    assert not summary(PROMOTED, None).open


def test_a_version_that_waits_for_the_end_of_the_run_before_is_not_decided_about() -> None:
    assert summary(PROMOTED, V3).open


def test_a_run_that_is_not_promoted_is_open() -> None:
    assert summary(replace(PROMOTED, promoted=False), V2).open
