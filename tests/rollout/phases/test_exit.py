from __future__ import annotations

import pytest

from gitops_agent.rollout.observation import Routing
from gitops_agent.rollout.state import Phase, Share, Stage, Traffic
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror, Verdict
from tests.rollout.moments import after, in_force, pods, running
from tests.rollout.policies import canary

NEVER = Routing(share=Share(), verdict=Verdict.NOT_YET)
UNVERIFIED = Traffic()
MATCH = Match(on=MatchOn.HEADER, name="x", value="y", mode=MatchMode.EXACT)


@pytest.mark.parametrize("share", [Share(match=MATCH), Share(mirror=Mirror(percent=5)), Share(weight=25)])
def test_on_the_way_out_all_kinds_of_traffic_are_taken_back(share: Share) -> None:
    leaving = running(Phase.ABORT, Stage.UNROUTE, traffic=Traffic(want=share, applied=share))

    assert after(leaving, seconds=1).traffic.want == Share()


def test_requests_in_flight_get_their_time_once_nothing_is_routed() -> None:
    leaving = running(Phase.ABORT, Stage.UNROUTE)

    assert after(leaving, seconds=1).stage is Stage.DRAIN
    assert after(running(Phase.ABORT, Stage.UNROUTE, traffic=UNVERIFIED), routing=NEVER, seconds=1).stage is Stage.UNROUTE


@pytest.mark.parametrize(("seconds", "stage"), [(9, Stage.DRAIN), (10, Stage.SERVICE)])
def test_the_service_goes_after_the_time_to_drain(seconds: int, stage: Stage) -> None:
    assert after(running(Phase.ABORT, Stage.DRAIN), seconds=seconds).stage is stage


@pytest.mark.parametrize(
    ("there", "traffic", "stage"),
    [
        (False, in_force(0), Stage.WORKLOAD),
        (True, in_force(0), Stage.SERVICE),
        (False, UNVERIFIED, Stage.SERVICE),
    ],
)
def test_the_canary_goes_only_without_its_service_and_its_traffic(*, there: bool, traffic: Traffic, stage: Stage) -> None:
    leaving = running(Phase.ABORT, Stage.SERVICE, traffic=traffic)
    routing = None if traffic.verified else NEVER

    assert after(leaving, canary_service=there, routing=routing, seconds=1).stage is stage


def test_a_way_out_ends_when_nothing_is_left() -> None:
    last = running(Phase.ABORT, Stage.WORKLOAD, reason="slow", canary=0)

    assert after(last, canary=None, canary_service=False).phase is Phase.HELD
    assert after(last, canary=None, canary_service=False, configs=True).phase is Phase.ABORT


@pytest.mark.parametrize("plain", [False, True])
def test_traffic_stays_with_the_canary_while_the_workload_has_no_pod_though_all_may_be_missing(*, plain: bool) -> None:
    policy = canary(plain=plain, drain="10s")
    leaving = running(Phase.ABORT, Stage.UNROUTE, weight=50, policy=policy, canary=1)

    empty = after(leaving, policy=policy, primary=pods(0, replicas=1), replicas=1, max_unavailable=1, seconds=1)

    assert empty.traffic.want.weight == 50
