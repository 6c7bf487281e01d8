"""One step of the machine, whatever the phase."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.machine import still
from gitops_agent.rollout.observation import Answer, Measurement, Routing
from gitops_agent.rollout.run_plan import dump_policy
from gitops_agent.rollout.state import Counter, Phase, Rejected, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.traffic.router import Verdict
from tests.rollout.moments import POLICY, after, pods, running, seen, stepped
from tests.rollout.policies import METRIC, canary, rolling
from tests.rollout.release import V1, V2, V3
from tests.rollout.world import START

JUDGED, ROLLING, PLAIN = canary(metrics=True), rolling(metrics=True), canary(plain=True, drain="10s")
COMPARED = canary(analysis={"metrics": [{**METRIC, "compare": "stable", "maxIncrease": "10%"}]})
AGAIN = Version(commit="f" * 40, hash=V2.hash)
KEPT = running(Phase.PROMOTE, Stage.CUT_HOLD, weight=100, promoted=True, until=START + timedelta(days=1))
LOST = Routing(share=Share(weight=100), verdict=Verdict.NOT_YET)


@pytest.mark.parametrize("phase", [Phase.PROVISION, Phase.STEP, Phase.PAUSED])
def test_a_newer_version_ends_a_run_beside_the_workload(phase: Phase) -> None:
    stage = Stage.HOLD if phase is Phase.STEP else Stage.NONE
    state = after(running(phase, stage, weight=25, canary=1), head=V3, seconds=1)

    assert (state.phase, state.reason) == (Phase.SUPERSEDED, f"{V3.hash} is newer")


@pytest.mark.parametrize("phase", [Phase.PROVISION, Phase.STEP, Phase.PAUSED])
def test_a_commit_of_the_same_version_only_names_it_anew(phase: Phase) -> None:
    stage = Stage.HOLD if phase is Phase.STEP else Stage.NONE
    state = after(running(phase, stage, weight=25, canary=1, until=START + timedelta(hours=9)), head=AGAIN, seconds=1)

    assert (state.phase is Phase.SUPERSEDED, state.target) == (False, AGAIN)


def test_a_newer_version_waits_while_the_workload_rolls() -> None:
    rolls = running(Phase.PROMOTE, Stage.ROLL, policy=ROLLING)

    assert after(rolls, head=V3, seconds=1).phase is Phase.PROMOTE


@pytest.mark.parametrize(
    ("lacks", "phase"),
    [
        ({}, Phase.PROMOTE),
        ({"routing": LOST}, Phase.SUPERSEDED),
        ({"canary": pods(3, version=V2), "endpoints": 3}, Phase.SUPERSEDED),
    ],
)
def test_a_newer_version_ends_a_delay_early_only_while_the_promoted_one_has_all_it_needs(
    lacks: dict[str, Any], phase: Phase
) -> None:
    assert after(KEPT, head=V3, **lacks, seconds=1).phase is phase


def test_a_newer_version_ends_a_cut_that_lost_its_share() -> None:
    lost = replace(KEPT, stage=Stage.CUT_ROUTE)

    assert after(lost, head=V3, seconds=1).phase is Phase.SUPERSEDED


def failures(state: RolloutState, policy: RolloutPolicySpec) -> int:
    """The failures that count once one was measured."""
    failure = Measurement(metric="errors", at=START + timedelta(seconds=1), answer=Answer.FAILURE, hash=V2.hash)
    counting = replace(state, counters=(Counter(metric="errors"),))
    result = after(counting, policy=policy, measurements=(failure,), seconds=2)
    return result.counters[0].failed


@pytest.mark.parametrize(("stage", "counted"), [(Stage.HOLD, 1), (Stage.SCALE, 0), (Stage.ROUTE, 0)])
def test_measurements_count_while_a_step_holds(stage: Stage, counted: int) -> None:
    assert failures(running(Phase.STEP, stage, weight=25, canary=1, policy=JUDGED), JUDGED) == counted


@pytest.mark.parametrize(("promoted", "counted"), [(False, 1), (True, 0)])
def test_a_promoted_version_is_judged_no_more(*, promoted: bool, counted: int) -> None:
    assert failures(running(Phase.PROMOTE, Stage.CUT_HOLD, weight=100, policy=JUDGED, promoted=promoted), JUDGED) == counted


@pytest.mark.parametrize(
    ("phase", "stage", "policy", "promoted", "measured"),
    [
        (Phase.STEP, Stage.HOLD, JUDGED, False, True),
        (Phase.STEP, Stage.SCALE, JUDGED, False, False),
        (Phase.PROMOTE, Stage.CUT_HOLD, JUDGED, False, True),
        (Phase.PROMOTE, Stage.CUT_HOLD, JUDGED, True, False),
        (Phase.STEP, Stage.HOLD, COMPARED, False, True),
        (Phase.PROMOTE, Stage.CUT_HOLD, COMPARED, False, False),
        (Phase.PROMOTE, Stage.ROLL, JUDGED, False, False),
        (Phase.PROMOTE, Stage.ROLL, ROLLING, False, True),
        (Phase.PROMOTE, Stage.WATCH, ROLLING, False, True),
        (Phase.PROMOTE, Stage.RESTORE, ROLLING, False, False),
    ],
)
def test_metrics_are_measured_while_they_decide(
    phase: Phase, stage: Stage, policy: RolloutPolicySpec, *, promoted: bool, measured: bool
) -> None:
    weight = {Phase.STEP: 25}.get(phase, 100) if policy is not ROLLING else 0
    state = running(phase, stage, weight=weight, canary=4 if weight == 100 else 1, policy=policy, promoted=promoted)
    state = replace(state, until=START + timedelta(hours=9), counters=(Counter(metric="errors"),))

    assert stepped(state, policy=policy, seconds=1).measure == (("errors",) if measured else ())


PAUSED = running(Phase.PAUSED, traffic=Traffic(), until=START + timedelta(seconds=60))
PATIENT = canary(pausedDeadline="1h")


@pytest.mark.parametrize(
    ("state", "policy", "seconds", "wake"),
    [
        (running(Phase.STEP, Stage.HOLD, weight=25, canary=1, until=START + timedelta(seconds=60)), POLICY, 11, 60),
        (running(Phase.STEP, Stage.HOLD, weight=25, canary=1, until=START + timedelta(seconds=60)), POLICY, 1, 10),
        (running(Phase.ABORT, Stage.DRAIN), POLICY, 1, 10),
        (running(Phase.ABORT, Stage.SERVICE), POLICY, 20, POLICY.progress_deadline.total_seconds()),
        (PAUSED, POLICY, 1, None),
        (replace(PAUSED, plan=dump_policy(PATIENT)), PATIENT, 1, 3600),
        (running(Phase.IDLE, target=None, plan=None, stable=V2, traffic=Traffic()), POLICY, 1, None),
    ],
)
def test_the_next_step_is_made_when_the_clock_may_change_something(
    state: RolloutState, policy: RolloutPolicySpec, seconds: float, wake: float | None
) -> None:
    wake_at = stepped(state, policy=policy, seconds=seconds, routing=None).wake_at

    assert wake_at == (None if wake is None else START + timedelta(seconds=wake))


def test_a_clock_that_was_set_back_lets_a_stage_begin_anew_with_the_rest_of_its_wait() -> None:
    counters = (Counter(metric="errors", last_at=START),)
    until = START + timedelta(seconds=60)
    state = running(Phase.STEP, Stage.HOLD, weight=25, canary=1, until=until, counters=counters, policy=JUDGED)
    now = START - timedelta(seconds=100)

    result = after(state, policy=JUDGED, seconds=-100)

    assert (result.entered_at, result.traffic.verified_at, result.counters[0].last_at) == (now, now, now)
    assert result.until == now + timedelta(seconds=60)


def test_versions_that_were_given_up_with_another_one_are_forgiven_when_that_is_corrected() -> None:
    alone, together = (
        Rejected(hash=version.hash, commit=version.commit, reason="slow", at=START, together=other)
        for version, other in ((V2, ""), (V3, "shop/api"))
    )
    resting = running(Phase.IDLE, target=None, plan=None, canary=0, traffic=Traffic(), rejected=(alone, together))

    assert after(resting, head=V1, corrected=frozenset()).rejected == (alone, together)
    assert after(resting, head=V1, corrected=frozenset({"shop/other"})).rejected == (alone, together)
    assert after(resting, head=V1, corrected=frozenset({"shop/api"})).rejected == (alone,)


UNSURE = Traffic(want=Share())
UNCONFIRMED = Routing(share=Share(), verdict=Verdict.NOT_YET)


@pytest.mark.parametrize(("verdict", "verified"), [(Verdict.READY, True), (Verdict.ERROR, False), (Verdict.NOT_YET, False)])
def test_routes_that_are_not_confirmed_count_as_in_force_on_a_way_out_only_when_they_are_refused_for_long(
    verdict: Verdict, *, verified: bool
) -> None:
    leaving = running(Phase.ABORT, Stage.UNROUTE, traffic=UNSURE)
    routing = Routing(share=Share(), verdict=verdict)

    assert after(leaving, routing=routing, seconds=1).traffic.verified is verified
    assert after(leaving, routing=routing, seconds=36000).traffic.verified is (verified or verdict is Verdict.ERROR)


@pytest.mark.parametrize(("there", "policy", "verified"), [(False, PLAIN, True), (True, PLAIN, False), (False, POLICY, False)])
def test_a_plain_service_that_is_gone_sends_nothing_to_the_canary(
    policy: RolloutPolicySpec, *, there: bool, verified: bool
) -> None:
    leaving = running(Phase.ABORT, Stage.UNROUTE, traffic=UNSURE, policy=policy)

    assert after(leaving, service=there, routing=UNCONFIRMED, policy=policy, seconds=1).traffic.verified is verified


def test_canary_pods_behind_routes_go_as_the_state_asks_however_few_pods_serve() -> None:
    fewer = running(Phase.STEP, Stage.HOLD, weight=25, canary=1, until=START + timedelta(hours=9))
    three = pods(3, replicas=3, version=V2)

    assert stepped(fewer, canary=three, primary=pods(1), seconds=1).replicas.canary == 1


@pytest.mark.parametrize(("weight", "canary"), [(50, 3), (0, 1)])
def test_behind_a_plain_service_only_pods_that_serve_stay_while_too_few_do(weight: int, canary: int) -> None:
    fewer = running(Phase.PAUSED, weight=weight, canary=1, primary=3, policy=PLAIN)
    few = {"canary": pods(3, replicas=3, version=V2), "primary": pods(0, replicas=3), "selected": False}

    assert stepped(fewer, **few, policy=PLAIN, seconds=1).replicas.canary == canary


def test_more_pods_of_both_sides_are_always_affordable() -> None:
    more = running(Phase.PAUSED, weight=50, canary=3, primary=3, policy=PLAIN)
    few = {"canary": pods(0, replicas=1, version=V2), "primary": pods(0, replicas=1), "selected": False, "endpoints": 1}

    result = stepped(more, **few, policy=PLAIN, seconds=1)

    assert (result.replicas.primary, result.replicas.canary) == (result.state.primary, result.state.canary)


def test_at_rest_a_canary_that_is_left_is_no_matter_of_what_may_be_applied() -> None:
    resting = running(Phase.IDLE, target=None, plan=None, stable=V2, canary=0, traffic=Traffic())
    left = seen(resting, canary=pods(2, replicas=2))

    assert still(resting, left, POLICY, START).replicas.canary == 0


def test_more_pods_of_the_workload_are_affordable_though_earlier_ones_are_still_leaving() -> None:
    more = running(Phase.PAUSED, canary=2, primary=2, policy=PLAIN)

    assert stepped(more, primary=pods(3, replicas=1), policy=PLAIN, seconds=1).replicas.primary == 2


def test_without_a_service_a_step_before_any_traffic_has_no_share_in_force() -> None:
    scaling = running(Phase.STEP, Stage.SCALE, canary=1, traffic=UNSURE, policy=PLAIN)
    state = after(scaling, service=False, routing=UNCONFIRMED, canary=None, policy=PLAIN, seconds=1)

    assert not state.traffic.verified


def test_routes_that_are_refused_after_they_were_confirmed_keep_no_run_from_ending() -> None:
    refused = Routing(share=Share(), verdict=Verdict.ERROR)

    assert after(running(Phase.ABORT, Stage.DRAIN), routing=refused, seconds=1).traffic.verified


@pytest.mark.parametrize(("replicas", "seconds", "verified"), [(0, 1, True), (4, 1, False), (4, 36000, True)])
def test_a_plain_service_without_pods_shows_no_share_and_is_not_waited_for_longer_than_it_may_have_some(
    replicas: int, seconds: float, *, verified: bool
) -> None:
    leaving = running(Phase.ABORT, Stage.UNROUTE, traffic=UNSURE, policy=PLAIN)
    silent = pods(0, replicas=replicas)
    state = after(leaving, primary=silent, replicas=replicas, routing=UNCONFIRMED, policy=PLAIN, seconds=seconds)

    assert state.traffic.verified is verified


@pytest.mark.parametrize("order", [CommandKind.RETRY, CommandKind.PROMOTE])
def test_a_version_is_forgiven_before_an_agent_that_has_restarted_knows_git_again(order: CommandKind) -> None:
    rejected = (Rejected(hash=V2.hash, commit=V2.commit, reason="aborted", at=START),)
    state = replace(running(Phase.HELD, canary=0), rejected=rejected)
    waiting = after(state, head=None, commands=(Command(order=order, nonce="n1", hash=V2.hash),))

    assert (waiting.phase, waiting.rejected) == (Phase.HELD, ())
    assert after(waiting).phase is Phase.PENDING
