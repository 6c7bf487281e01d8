from __future__ import annotations

import pytest

from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.hook_runs.outcome import outcome
from gitops_agent.sync.hook_runs.record import RunState


@pytest.mark.parametrize(
    ("health", "state"),
    [
        (Health(Status.HEALTHY, "Completed"), RunState.SUCCEEDED),
        (Health(Status.HEALTHY, "Succeeded"), RunState.SUCCEEDED),
        (Health(Status.HEALTHY), RunState.RUNNING),
        (Health(Status.DEGRADED, "Failed"), RunState.FAILED),
        (Health(Status.PROGRESSING), RunState.RUNNING),
        (Health(Status.SUSPENDED), RunState.RUNNING),
        (Health(Status.UNKNOWN), RunState.RUNNING),
    ],
)
def test_what_runs_to_an_end_succeeds_when_it_has_ended(health: Health, state: RunState) -> None:
    assert outcome(health, runs_to_an_end=True) is state


def test_other_kinds_succeed_when_they_are_healthy() -> None:
    assert outcome(Health(Status.HEALTHY), runs_to_an_end=False) is RunState.SUCCEEDED
    assert outcome(Health(Status.PROGRESSING), runs_to_an_end=False) is RunState.RUNNING
