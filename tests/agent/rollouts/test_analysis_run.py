from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.agent.rollouts.analysis_run import AnalysisRun
from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.metric_jobs import JobScope
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.rollout.observation import Observation, WorkloadStatus
from gitops_agent.rollout.state import Phase
from tests.rollout.test_overlay import STABLE, TARGET, state, subject

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
SCOPE = JobScope(policy=AppKey("shop", "web"), application=AppKey("gitops-system", "shop"), user=None)
BASELINE = WorkloadStatus(version=STABLE, replicas=1, available=1)


def run(*metrics: str, status: WorkloadStatus | None = None, **fields: Any) -> AnalysisRun | None:
    rollout = RolloutContext(
        key=ROLLOUT_POLICY.named("shop", "web"),
        raw={},
        subject=subject(),
        state=state(Phase.STEP, entered_at=SINCE, **fields),
        head=None,
        stable={},
        target={},
    )
    return AnalysisRun.of(rollout, metrics, Observation(head=TARGET, primary=None, baseline=status), SCOPE)


def test_a_state_that_measures_nothing_has_no_run() -> None:
    assert run() is None
    assert run("errors", target=None) is None


@pytest.mark.parametrize(
    ("pods", "status", "stable"), [(1, BASELINE, f"web-b-{STABLE.hash}"), (1, None, "web"), (0, BASELINE, "web")]
)
def test_a_canary_is_compared_with_a_baseline_that_is_available(pods: int, status: WorkloadStatus | None, stable: str) -> None:
    started = run("errors", status=status, baseline=pods)

    assert started is not None
    assert (started.canary, started.stable, started.hash) == (f"web-c-{TARGET.hash}", stable, TARGET.hash)
