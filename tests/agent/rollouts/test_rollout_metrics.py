"""Metrics of rollouts, as they are scraped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.rollout_metrics import forget, publish
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.observe import metrics
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.state import Ended, Phase, RolloutState, Share, Stage, Traffic
from tests.rollout.policies import canary
from tests.rollout.release import V1, V2, WEB

POLICY = ObjectKey("gitops-agent.dev", "RolloutPolicy", "shop", "scraped")
NAME = "shop/scraped"
QUARTER = Share(weight=25)
HOLDS = RolloutState(
    phase=Phase.STEP,
    stage=Stage.HOLD,
    stable=V1,
    target=V2,
    canary=1,
    primary=1,
    traffic=Traffic(want=QUARTER, applied=QUARTER),
)


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(f"gitops_agent_rollout_{name}", {"rollout": NAME, **labels})


def published(state: RolloutState, before: RolloutState | None = None) -> None:
    about = ResolvedPolicy(policy=canary(plain=True), workload=WEB, provider=None)
    context = RolloutContext(key=POLICY, raw={}, subject=about, state=state, head=V2, stable={}, target={})
    publish(AppKey("gitops-system", "shop"), before or state, context)


def test_a_rollout_says_what_it_is_its_phase_and_both_weights() -> None:
    published(HOLDS)

    assert value("info", application="gitops-system/shop", workload="Deployment web", strategy="canary") == 1
    assert (value("phase", phase="Step"), value("phase", phase="Idle")) == (1, 0)
    assert (value("weight"), value("actual_weight")) == (25, 50)


def test_a_run_that_ended_is_counted_once() -> None:
    ended = Ended(hash=V2.hash, commit=V2.commit, result="RolledBack", reason="slow", at=datetime(2026, 5, 4, tzinfo=UTC))
    held = replace(HOLDS, phase=Phase.HELD, stage=Stage.NONE, history=(ended,))
    before = value("runs_total", result="RolledBack") or 0
    published(held, HOLDS)
    published(held)

    assert value("runs_total", result="RolledBack") == before + 1
    assert value("weight") == 0


def test_nothing_is_left_of_a_policy_that_is_gone() -> None:
    published(HOLDS)
    forget(POLICY)

    assert NAME not in metrics.exposition().decode()
