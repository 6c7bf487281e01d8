from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Traffic
from tests.rollout.moments import after, pods, running
from tests.rollout.policies import canary
from tests.rollout.release import V2

NOTHING_MADE: dict[str, Any] = {"canary": None, "canary_service": False, "seconds": 1}
PENDING = running(Phase.PENDING, canary=0, traffic=Traffic())


def pending(**fields: Any) -> RolloutState:
    return after(PENDING, **{**NOTHING_MADE, **fields})


def test_a_run_begins_when_nothing_is_in_its_way() -> None:
    assert pending().phase is Phase.PROVISION


@pytest.mark.parametrize(
    "hindrance", [{"leftovers": True}, {"added": False}, {"primary": None}], ids=lambda hindrance: next(iter(hindrance))
)
def test_a_run_does_not_begin_before_everything_is_as_it_needs_it(hindrance: dict[str, Any]) -> None:
    assert pending(**hindrance).phase is Phase.PENDING


def test_a_run_that_waits_says_for_what() -> None:
    assert pending(gate="the plan is held").reason == "the plan is held"
    assert pending(selected=False).reason == "the workload is being made ready for a second Deployment"


def test_a_run_that_could_move_no_pod_does_not_begin() -> None:
    stiff = canary(plain=True, surge=0)
    waiting = running(Phase.PENDING, canary=0, traffic=Traffic(), policy=stiff)
    state = after(waiting, **NOTHING_MADE, max_unavailable=0, policy=stiff)

    assert (state.phase, state.reason) == (
        Phase.PENDING,
        "without a surge and with no pod allowed to be missing, no pod can be moved",
    )


@pytest.mark.parametrize(("selected", "adoption"), [(True, Adoption.DONE), (False, Adoption.SELECT)])
def test_a_workload_is_adopted_once_its_service_selects(*, selected: bool, adoption: Adoption) -> None:
    selecting = running(Phase.IDLE, stable=V2, target=None, plan=None, canary=0, adoption=Adoption.SELECT, traffic=Traffic())

    assert after(selecting, **NOTHING_MADE, selected=selected).adoption is adoption


def test_at_rest_the_state_stays_as_it_is() -> None:
    resting = running(Phase.IDLE, stable=V2, target=None, plan=None, canary=0, traffic=Traffic())

    assert after(resting, **NOTHING_MADE, primary=pods(version=V2)) == resting
