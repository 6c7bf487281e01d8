from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_agent.api.problems import SpecInvalid
from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.observation import Answer
from gitops_agent.rollout.state import Adoption, Counter, Ended, Phase, Rejected, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.status import from_status, to_status
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror
from tests.rollout.cluster import started
from tests.rollout.moments import running
from tests.rollout.policies import blue_green, canary, rolling
from tests.rollout.release import V1, V2, V3

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FULL: dict[str, Any] = {
    "phase": "Step",
    "stage": "Hold",
    "step": 1,
    "reason": "the canary has no available pod",
    "epoch": 3,
    "adoption": "Done",
    "enteredAt": "2026-05-04T12:00:00Z",
    "until": "2026-05-04T12:05:00.250000Z",
    "stable": {"commit": "a", "hash": "1"},
    "target": {"commit": "b", "hash": "2"},
    "canary": 2,
    "baseline": 1,
    "primary": 3,
    "traffic": {
        "want": {"weight": 25, "match": {"on": "header", "name": "user", "value": "da", "mode": "prefix"}},
        "applied": {"mirror": {"percent": 10}},
        "verifiedAt": "2026-05-04T12:00:00Z",
    },
    "counters": [{"metric": "errors", "samples": 2, "consecutiveErrors": 1, "lastAt": "2026-05-04T12:00:00Z"}],
    "approvals": ["2/0"],
    "nonces": ["n0"],
    "rejected": [{"hash": "0", "commit": "c", "reason": "slow", "at": "2026-05-04T12:00:00Z"}],
    "history": [{"hash": "0", "commit": "c", "result": "RolledBack", "reason": "slow", "at": "2026-05-04T12:00:00Z"}],
    "plan": {"targetRef": {"name": "web"}, "steps": [None, 0]},
    "full": True,
    "resume": "Hold",
}


def test_every_field_of_a_state_has_its_json() -> None:
    state = RolloutState(
        phase=Phase.STEP,
        stage=Stage.HOLD,
        step=1,
        reason="the canary has no available pod",
        epoch=3,
        adoption=Adoption.DONE,
        entered_at=AT,
        until=AT + timedelta(minutes=5, milliseconds=250),
        stable=Version(commit="a", hash="1"),
        target=Version(commit="b", hash="2"),
        canary=2,
        baseline=1,
        primary=3,
        traffic=Traffic(
            want=Share(weight=25, match=Match(on=MatchOn.HEADER, name="user", value="da", mode=MatchMode.PREFIX)),
            applied=Share(mirror=Mirror(percent=10)),
            verified_at=AT,
        ),
        counters=(Counter(metric="errors", samples=2, consecutive_errors=1, last_at=AT),),
        approvals=("2/0",),
        nonces=("n0",),
        rejected=(Rejected(hash="0", commit="c", reason="slow", at=AT),),
        history=(Ended(hash="0", commit="c", result="RolledBack", reason="slow", at=AT),),
        plan={"targetRef": {"name": "web"}, "steps": [None, 0]},
        full=True,
        resume=Stage.HOLD,
    )
    assert list(to_status(state)["state"].items()) == list(FULL.items())
    assert from_status({"state": FULL}) == state


def test_what_has_its_default_is_left_out() -> None:
    assert to_status(RolloutState()) == {"phase": "Idle", "step": 0, "weight": 0}
    assert from_status({"state": {}}) == from_status({}) == from_status({"state": None}) == RolloutState()


def test_the_status_of_every_look_at_a_run_is_read_back_as_it_was() -> None:
    seen = set()
    for policy in (canary(metrics=True, baseline=True), canary(plain=True), blue_green(), rolling(metrics=True)):
        for answer in (Answer.SUCCESS, Answer.FAILURE, Answer.ERROR):
            cluster = started(policy, answer=answer)
            for look in range(120):
                cluster.turn()
                cluster.tick(10)
                if look == 40 and answer is Answer.ERROR:
                    cluster.command(CommandKind.RESUME)
                    cluster.head = V3
                assert from_status(to_status(cluster.state)) == cluster.state
                seen.add(cluster.state.phase)
    assert seen >= set(Phase) - {Phase.FINALIZE}


def test_the_status_shows_what_people_look_for() -> None:
    cluster = started()
    cluster.until("Step", "Hold")
    status = to_status(cluster.state)
    assert (status["phase"], status["stage"], status["weight"]) == ("Step", "Hold", 25)
    assert status["target"] == {"revision": V2.commit, "hash": V2.hash}


def test_times_are_read_as_utc() -> None:
    state = from_status({"state": {"enteredAt": "2026-05-04T14:00:00+02:00"}})

    assert state.entered_at == AT
    assert state.entered_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ([], "status.state: "),
        ("x", "status.state: "),
        ({"phase": "Nowhere"}, "status.state.phase: is not the state of a rollout: Input should be 'Idle', "),
        ({"step": "1"}, "status.state.step: is not the state of a rollout: Input should be a valid integer"),
        ({"step": True}, "status.state.step: "),
        ({"step": 1.0}, "status.state.step: "),
        ({"full": "yes"}, "status.state.full: "),
        ({"unknown": 1}, "status.state.unknown: is not the state of a rollout: Unexpected "),
        (
            {"enteredAt": "2026-01-01T00:00:00"},
            "status.state.enteredAt: is not the state of a rollout: Input should have timezone",
        ),
        ({"enteredAt": 5}, "status.state.enteredAt: "),
        ({"enteredAt": "yesterday"}, "status.state.enteredAt: "),
        ({"traffic": 1}, "status.state.traffic: "),
        ({"traffic": {"want": {"weight": 5, "colour": 1}}}, "status.state.traffic.want.colour: "),
        ({"traffic": {"want": {"match": {"on": "header", "name": "x"}}}}, "status.state.traffic.want.match.value: "),
        ({"counters": [{"metric": "a"}, {"samples": 1}]}, "status.state.counters[1].metric: "),
        ({"counters": {"metric": "a"}}, "status.state.counters: "),
        ({"approvals": [1]}, "status.state.approvals[0]: "),
        ({"stable": {"commit": "a"}}, "status.state.stable.hash: "),
        ({"plan": {1: 2}}, "status.state: is not the state of a rollout: it is not JSON"),
    ],
)
def test_a_state_half_understood_is_refused_and_says_where(raw: object, problem: str) -> None:
    with pytest.raises(SpecInvalid) as refused:
        from_status({"state": raw})

    assert str(refused.value).startswith(problem)


def test_the_columns_show_the_stable_version_until_another_one_is_promoted() -> None:
    state = running(Phase.PROMOTE, Stage.CUT_HOLD, weight=100)

    assert to_status(state)["stable"] == {"revision": V1.commit, "hash": V1.hash}
    assert to_status(replace(state, promoted=True))["stable"] == {"revision": V2.commit, "hash": V2.hash}
