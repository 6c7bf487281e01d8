from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.rollout.observation import Routing
from gitops_agent.rollout.state import Phase, Share, Stage, Traffic
from gitops_agent.rollout.traffic.router import Verdict
from tests.rollout.moments import POLICY, after, in_force, pods, running
from tests.rollout.policies import canary
from tests.rollout.release import V2

NONE, QUARTER = Traffic(), Traffic(want=Share(weight=25))
COMPARED = canary(baseline=True, metrics=True)
HOLDING = running(Phase.STEP, Stage.HOLD, weight=25, canary=1)


def short(available: int) -> dict[str, Any]:
    """What is seen of a canary with so many pods that answer."""
    return {"canary": pods(available, replicas=1, version=V2), "endpoints": available}


@pytest.mark.parametrize(("paired", "stage"), [(1, Stage.ROUTE), (0, Stage.SCALE)])
def test_a_share_waits_for_the_pods_that_the_canary_is_compared_with(paired: int, stage: Stage) -> None:
    scaling = running(Phase.STEP, Stage.SCALE, policy=COMPARED, canary=1, baseline=1, traffic=NONE)

    assert after(scaling, baseline=pods(paired, replicas=1), policy=COMPARED, seconds=1).stage is stage


@pytest.mark.parametrize("stage", [Stage.ROUTE, Stage.HOLD])
def test_a_step_whose_share_is_another_one_scales_again(stage: Stage) -> None:
    state = after(running(Phase.STEP, stage, weight=20, canary=1), seconds=1)

    assert (state.stage, state.step) == (Stage.SCALE, 0)


def test_a_step_ends_with_its_share_in_force_and_its_pods_ready() -> None:
    ended = after(HOLDING)

    assert (ended.stage, ended.step) == (Stage.SCALE, 1)


def test_a_step_does_not_end_without_its_pods() -> None:
    second = running(Phase.STEP, Stage.HOLD, weight=50, step=1, canary=2)
    state = after(second, canary=pods(1, replicas=2, version=V2), endpoints=1)

    assert (state.phase, state.stage, state.step) == (Phase.STEP, Stage.HOLD, 1)
    assert after(second).phase is Phase.PROMOTE


def test_a_step_does_not_end_before_its_share_is_in_force() -> None:
    waiting = replace(HOLDING, traffic=QUARTER)
    state = after(waiting, routing=Routing(share=QUARTER.want, verdict=Verdict.NOT_YET))

    assert (state.stage, state.step) == (Stage.HOLD, 0)


@pytest.mark.parametrize(("available", "endpoints"), [(0, 1), (1, 0), (0, 0)])
def test_a_canary_that_cannot_answer_loses_its_traffic(available: int, endpoints: int) -> None:
    state = after(HOLDING, canary=pods(available, replicas=1, version=V2), endpoints=endpoints, seconds=1)

    assert (state.stage, state.traffic.want, state.reason) == (Stage.SCALE, Share(), "the canary has no available pod")


@pytest.mark.parametrize("lacks", [short(0), {"endpoints": 0}, {"canary": None}, {"canary_service": False}])
def test_a_share_is_not_asked_for_before_its_pods_can_be_reached(lacks: dict[str, Any]) -> None:
    scaling = running(Phase.STEP, Stage.SCALE, canary=1, traffic=NONE)

    assert after(scaling, **lacks, seconds=1).traffic.want == Share()
    assert after(scaling, seconds=1).traffic.want == Share(weight=25)


@pytest.mark.parametrize(("autoscaled", "expected"), [(True, 3), (False, 1)])
def test_beside_an_autoscaler_a_canary_only_grows(*, autoscaled: bool, expected: int) -> None:
    larger = running(Phase.STEP, Stage.SCALE, canary=3, traffic=NONE)

    assert after(larger, autoscaled=autoscaled, seconds=1).canary == expected
    assert after(replace(larger, canary=1), autoscaled=autoscaled, replicas=12, seconds=1).canary == 3


def test_a_verdict_about_another_share_says_nothing() -> None:
    routed = running(Phase.STEP, Stage.ROUTE, canary=1, traffic=QUARTER)

    assert after(routed, routing=Routing(share=Share(weight=50), verdict=Verdict.READY), seconds=1) == routed
    assert after(routed, seconds=1).stage is Stage.HOLD


def test_a_share_that_the_routes_lost_is_in_force_no_more() -> None:
    state = after(HOLDING, routing=Routing(share=Share(weight=25), verdict=Verdict.NOT_YET), seconds=1)

    assert (state.stage, state.traffic) == (Stage.HOLD, replace(in_force(25), verified_at=None))


def test_at_rest_a_verdict_changes_nothing() -> None:
    resting = running(Phase.IDLE, target=None, stable=V2, plan=None, traffic=NONE)

    assert after(resting, policy=POLICY).traffic == NONE
