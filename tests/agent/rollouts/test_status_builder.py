from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gitops_agent.agent.rollouts.status_builder import status
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.state import Phase, RolloutState, Version
from tests.rollout.policies import canary

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
V1, V2 = Version(commit="a" * 40, hash="11111111"), Version(commit="b" * 40, hash="22222222")


def written(state: RolloutState, **more: Any) -> Object:
    return status({}, state, canary(plain=True), generation=1, analysis=(), now=NOW, **more)


def ready(state: RolloutState, **more: Any) -> tuple[str, str]:
    (condition,) = written(state, **more)["conditions"]
    return condition["status"], condition["reason"]


def test_what_only_git_can_correct_is_refused_at_rest_and_before_a_run() -> None:
    rest = RolloutState(phase=Phase.IDLE, stable=V1)
    waits = RolloutState(phase=Phase.PENDING, stable=V1, target=V2, reason="Service weeb is not declared")

    assert ready(rest) == ("True", "Stable")
    assert ready(waits) == ("Unknown", "WaitingFor")
    for state in (rest, waits):
        assert ready(state, flaw="Service weeb is not declared") == ("False", "RolloutRefused")
        assert "Service weeb is not declared" in written(state, flaw="Service weeb is not declared")["message"]
