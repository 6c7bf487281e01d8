from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.rollout.state import Counter, Phase, RolloutState, Stage, Traffic
from tests.rollout.moments import after, in_force, pods, running
from tests.rollout.policies import canary, rolling
from tests.rollout.release import V1, V2

UNSURE = (Counter(metric="errors", consecutive_errors=9, message="GET http://x: refused"),)
FAILED = (Counter(metric="errors", samples=1, failed=9),)
JUDGED = canary(metrics=True, drain="10s")
NO_ROOM = canary(plain=True, surge=0, drain="10s")
CUT = running(Phase.PROMOTE, Stage.CUT_SCALE, weight=50)
HOLD = running(Phase.PROMOTE, Stage.CUT_HOLD, weight=100, promoted=True)
ROLL = running(Phase.PROMOTE, Stage.ROLL, weight=100)


def where(state: RolloutState) -> tuple[Phase, Stage]:
    return state.phase, state.stage


@pytest.mark.parametrize(("barrier", "stage"), [(True, Stage.CUT_ROUTE), (False, Stage.CUT_SCALE)])
def test_the_canary_takes_all_traffic_only_with_the_other_workloads_of_its_run(*, barrier: bool, stage: Stage) -> None:
    state = after(CUT, barrier=barrier, seconds=1)

    assert state.stage is stage
    assert state.traffic.want.weight == (100 if barrier else 50)


@pytest.mark.parametrize(("barrier", "stage"), [(True, Stage.CUT_ROUTE), (False, Stage.CUT_SCALE)])
def test_a_workload_without_room_for_a_full_canary_waits_for_the_others_too(*, barrier: bool, stage: Stage) -> None:
    half = running(Phase.PROMOTE, Stage.CUT_SCALE, weight=50, policy=NO_ROOM, canary=2, primary=2)
    state = after(half, barrier=barrier, primary=pods(2, replicas=2), policy=NO_ROOM, seconds=1)

    assert (state.stage, state.traffic.want.weight) == (stage, 50)


@pytest.mark.parametrize(("barrier", "stage"), [(True, Stage.ROLL), (False, Stage.CUT_HOLD)])
def test_the_workload_rolls_only_with_the_others_of_its_run(*, barrier: bool, stage: Stage) -> None:
    assert after(HOLD, barrier=barrier).stage is stage


def test_the_workload_rolls_only_once_requests_in_flight_are_done() -> None:
    begun = running(Phase.PROMOTE, Stage.CUT_ROUTE, weight=100, policy=canary(delay="5s", drain="10m"))
    held = after(begun, seconds=0)

    assert held.stage is Stage.CUT_HOLD
    assert held.until is not None
    assert held.entered_at is not None
    assert (held.until - held.entered_at).total_seconds() == 600
    assert after(HOLD, seconds=9).stage is Stage.CUT_HOLD


@pytest.mark.parametrize("counters", [UNSURE, FAILED])
def test_a_cut_that_is_not_judged_good_is_rolled_back(counters: tuple[Counter, ...]) -> None:
    judged = running(Phase.PROMOTE, Stage.CUT_HOLD, weight=100, policy=JUDGED, counters=counters)

    assert after(judged).phase is Phase.ABORT
    assert after(running(Phase.PROMOTE, Stage.CUT_HOLD, weight=100, policy=JUDGED, counters=counters, promoted=True)).phase is (
        Phase.PROMOTE
    )


@pytest.mark.parametrize("counters", [UNSURE, FAILED])
def test_a_rolling_update_that_is_not_judged_good_is_taken_back(counters: tuple[Counter, ...]) -> None:
    watched = running(Phase.PROMOTE, Stage.WATCH, policy=rolling(metrics=True), counters=counters, traffic=Traffic())

    assert where(after(watched)) == (Phase.PROMOTE, Stage.RESTORE)


@pytest.mark.parametrize(("version", "stage"), [(V1, Stage.CUT_HOLD), (V2, Stage.ROLL)])
def test_a_workload_does_not_begin_to_roll_while_its_pods_have_the_traffic(version: Any, stage: Stage) -> None:
    lost = running(Phase.PROMOTE, Stage.ROLL, traffic=Traffic(want=in_force(100).want))
    state = after(lost, routing=None, primary=pods(version=version, complete=False), seconds=1)

    assert state.stage is stage


@pytest.mark.parametrize(("applied", "stage"), [(V2, Stage.BACK), (V1, Stage.ROLL)])
def test_the_traffic_comes_back_only_once_the_rest_of_the_version_is_applied(applied: Any, stage: Stage) -> None:
    assert after(ROLL, primary=pods(version=V2), applied=applied, seconds=1).stage is stage


@pytest.mark.parametrize(
    ("primary", "reason"),
    [
        (pods(3, version=V2, complete=False), "the workload did not take the new version in time"),
        (
            pods(3, version=V2, complete=False, hindered="quota"),
            "the workload did not take the new version in time: quota",
        ),
        (pods(3, version=V2, complete=False, failed="crash"), "the workload did not take the new version: crash"),
        (None, "the workload did not take the new version in time"),
    ],
)
def test_a_workload_that_does_not_roll_says_why_where_that_is_known(primary: Any, reason: str) -> None:
    state = after(ROLL, primary=primary)

    assert (*where(state), state.reason) == (Phase.PROMOTE, Stage.RESTORE, reason)


@pytest.mark.parametrize(
    ("full", "available", "stage"), [(True, 0, Stage.CUT_ROUTE), (True, 1, Stage.CUT_SCALE), (False, 0, Stage.CUT_SCALE)]
)
def test_a_full_promotion_waits_for_a_workload_that_still_serves(*, full: bool, available: int, stage: Stage) -> None:
    asked = running(Phase.PROMOTE, Stage.CUT_SCALE, weight=50, primary=4, full=full)

    assert after(asked, primary=pods(available), seconds=1).stage is stage


@pytest.mark.parametrize(
    ("complete", "seconds", "phase"), [(True, 1, Phase.ABORT), (False, 1, Phase.PROMOTE), (False, 3600, Phase.ABORT)]
)
def test_a_rolling_update_is_taken_back_until_the_stable_version_is_whole_or_late(
    *, complete: bool, seconds: int, phase: Phase
) -> None:
    back = running(Phase.PROMOTE, Stage.RESTORE, policy=rolling(), canary=0, traffic=Traffic(), reason="it broke")

    assert after(back, primary=pods(complete=complete), policy=rolling(), seconds=seconds).phase is phase
