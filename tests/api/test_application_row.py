from __future__ import annotations

import pytest

from gitops_agent.api.application_row import State, state_of, summary
from gitops_agent.api.reasons import REASONS
from gitops_agent.manifest.key import Object


def application(ready: str, reason: str, *, health: str = "Healthy", **status: object) -> Object:
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": "m"}
    return {"metadata": {"name": "shop"}, "status": {"conditions": [condition], "health": {"status": health}, **status}}


def state(obj: Object) -> State:
    return state_of(obj, summary(obj))


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (application("True", "Synced"), State.HEALTHY),
        (application("False", "Degraded", health="Degraded"), State.DEGRADED),
        (application("False", "RolledBack"), State.DEGRADED),
        (application("False", "RenderFailed"), State.DEGRADED),
        (application("False", "HeldForApproval"), State.HELD),
        (application("Unknown", "RolloutPaused", rollouts=[{"approval": "a/1"}]), State.HELD),
        (application("Unknown", "RolloutPaused", rollouts=[{}]), State.PAUSED),
        (application("Unknown", "Suspended"), State.PAUSED),
        (application("False", "Missing", health="Missing"), State.MISSING),
        (application("Unknown", "Progressing", health="Progressing"), State.PROGRESSING),
        (application("Unknown", "WindowClosed"), State.PROGRESSING),
        ({"metadata": {"name": "new"}}, State.UNKNOWN),
    ],
)
def test_an_application_is_one_thing_in_one_word(obj: Object, expected: State) -> None:
    assert state(obj) is expected


@pytest.mark.parametrize("reason", REASONS)
def test_an_application_that_is_ready_is_never_called_broken(reason: str) -> None:
    assert state(application("True", reason)) in {State.HEALTHY, State.HELD, State.PAUSED}
