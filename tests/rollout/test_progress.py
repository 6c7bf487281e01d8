from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitops_agent.api.reasons import REASONS
from gitops_agent.rollout.progress import Attention, Mark, RolloutProgress, span
from gitops_agent.rollout.state import Counter, Phase, RolloutState, Stage
from tests.cli.policies import LATER, NEW, START, STEPS, at, holding, policy, spec

METRICS = {"metrics": [{"name": "errors", "provider": {"job": {"name": "smoke"}}, "samples": 5}]}
JUDGED = {"canary": {"steps": STEPS}}


def standing(state: RolloutState | None, **more: Any) -> RolloutProgress:
    return RolloutProgress.of(policy(state, **more))


def marks(state: RolloutState) -> str:
    return "".join(line.mark for line in standing(state).lines(LATER))


@pytest.mark.parametrize(
    ("state", "outlook"),
    [
        (None, Attention.UNSEEN),
        (at(Phase.IDLE), Attention.STABLE),
        (at(Phase.PENDING), Attention.RUNNING),
        (at(Phase.PENDING, reason="Service web is not declared"), Attention.WAITING),
        (at(Phase.PROVISION), Attention.RUNNING),
        (holding(0), Attention.RUNNING),
        (holding(1), Attention.APPROVAL),
        (holding(1, approvals=("22222222/1",)), Attention.RUNNING),
        (at(Phase.PAUSED, resume=Stage.HOLD), Attention.PAUSED),
        (at(Phase.PROMOTE, Stage.ROLL), Attention.RUNNING),
        (at(Phase.PROMOTE, Stage.RESTORE), Attention.ROLLED_BACK),
        (at(Phase.ABORT, Stage.DRAIN), Attention.ROLLED_BACK),
        (at(Phase.HELD), Attention.ROLLED_BACK),
    ],
)
def test_how_urgently_a_rollout_needs_a_user(state: RolloutState | None, outlook: Attention) -> None:
    assert standing(state).outlook is outlook


def refused(state: RolloutState | None, message: str) -> RolloutProgress:
    raw = policy(state)
    ready = {"type": "Ready", "status": "False", "reason": "RolloutRefused", "message": message}
    return RolloutProgress.of({**raw, "status": {**(raw.get("status") or {}), "conditions": [ready]}})


@pytest.mark.parametrize("state", [None, at(Phase.IDLE), at(Phase.PENDING, reason="Service weeb is not declared")])
def test_a_policy_that_only_git_can_correct_says_what_its_agent_says(state: RolloutState | None) -> None:
    progress = refused(state, "targetRef: Deployment wbe is not declared by this application; did you mean Deployment web?")

    assert progress.outlook is Attention.REFUSED
    assert "did you mean Deployment web?" in progress.message
    assert progress.waits(LATER) == ["a commit that fixes it"]


def test_a_rollout_under_way_shows_itself_though_the_next_one_is_refused() -> None:
    assert refused(holding(1), "Service weeb is not declared").outlook is Attention.APPROVAL


def test_every_outlook_of_a_rollout_that_was_seen_is_a_code_of_the_table_of_reasons() -> None:
    assert {str(outlook) for outlook in Attention} - REASONS.keys() == {"NotReconciled"}


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (at(Phase.IDLE), "○○○○"),
        (at(Phase.PROVISION), "○○○○"),
        (holding(0), "▶○○○"),
        (holding(1), "✔▶○○"),
        (at(Phase.PAUSED, step=2, resume=Stage.HOLD), "✔✔⏸○"),
        (at(Phase.PROMOTE, Stage.CUT_HOLD, step=2), "✔✔✔▶"),
        (at(Phase.PROMOTE, Stage.CUT_HOLD, step=0, full=True), "✔↷↷▶"),
        (at(Phase.FINALIZE, Stage.SERVICE, step=2), "✔✔✔✔"),
        (at(Phase.ABORT, Stage.UNROUTE, step=1), "✔✖○○"),
        (at(Phase.HELD), "○○○○"),
    ],
)
def test_the_steps_tell_what_is_done(state: RolloutState, shown: str) -> None:
    assert marks(state) == shown


def test_a_step_says_what_it_does_and_for_how_long_it_has_been_in_force() -> None:
    first, second, third, promotion = standing(holding(1)).lines(LATER)

    assert (first.text, second.text, third.text) == (
        "25 % of the traffic, pause 5m",
        "50 % of the traffic, approval",
        "75 % of the traffic, analysis",
    )
    assert (first.note, second.note, promotion.number) == ("", "in force for 3m00s", 0)


def test_the_preview_of_blue_green_is_a_step_without_traffic() -> None:
    green = spec({"blueGreen": {"autoPromote": False}})
    line = standing(at(Phase.STEP, Stage.HOLD, wanted=green), spec=green).lines(LATER)[0]

    assert (line.mark, line.text) == (Mark.NOW, "the preview, without traffic, approval")


def test_a_rolling_update_has_no_steps_but_itself() -> None:
    rolling = spec({"rolling": {}})
    (line,) = standing(at(Phase.PROMOTE, Stage.ROLL, wanted=rolling), spec=rolling).lines(LATER)

    assert (line.mark, line.note) == (Mark.NOW, "the workload takes the new version for 3m00s")


def test_what_is_left_of_a_pause_is_computed_when_it_is_shown() -> None:
    held = standing(holding(0, until=START + timedelta(minutes=5)))

    assert held.waits(LATER) == ["the end of its pause in 2m00s (at 12:05:00 UTC)"]
    assert held.waits(START + timedelta(minutes=6)) == []


def test_an_approval_and_missing_samples_are_waited_for_by_name() -> None:
    judged = spec(analysis=METRICS)
    state = replace(holding(2), plan=at(Phase.STEP, wanted=judged).plan, counters=(Counter(metric="errors", samples=2),))

    assert standing(holding(1)).waits(LATER) == ["approval"]
    assert standing(state).waits(LATER) == ["samples of errors: 2 of 5"]


def test_what_has_a_deadline_says_what_happens_then() -> None:
    coming = standing(at(Phase.STEP, Stage.SCALE))
    paused = spec(pausedDeadline="1h")

    assert coming.deadline(LATER) == "rolled back unless that is done in 7m00s (at 12:10:00 UTC)"
    assert standing(at(Phase.PAUSED, wanted=paused), spec=paused).deadline(LATER).endswith("in 57m00s (at 13:00:00 UTC)")
    assert standing(holding(1)).deadline(LATER) == ""
    assert standing(at(Phase.IDLE)).deadline(LATER) == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (at(Phase.IDLE), []),
        (at(Phase.PROVISION), ["promote --full", "abort"]),
        (holding(0, until=LATER), ["promote", "promote --full", "pause", "abort"]),
        (holding(1), ["approve", "promote --full", "pause", "abort"]),
        (at(Phase.PAUSED), ["resume", "promote --full", "abort"]),
        (at(Phase.PROMOTE, Stage.ROLL), ["abort"]),
        (at(Phase.PROMOTE, Stage.RESTORE), []),
        (at(Phase.ABORT), []),
        (at(Phase.HELD), ["retry"]),
    ],
)
def test_only_commands_that_make_sense_now_are_offered(state: RolloutState, words: list[str]) -> None:
    offered = [typed for typed, _ in standing(state).commands()]

    assert offered == [f"gitops-agent rollout {command} shop/web" for command in words]


def test_a_policy_that_cannot_be_read_says_why() -> None:
    broken = standing(at(Phase.IDLE), spec={"strategy": {"canary": {"steps": []}}})

    assert broken.outlook is Attention.UNSEEN
    assert "spec.strategy.canary.steps" in broken.message
    assert broken.lines(LATER) == []


def test_no_command_is_offered_that_would_be_refused_because_the_policy_cannot_be_read() -> None:
    raw = policy(holding(0))
    raw["status"]["state"]["plan"] = {"strategy": {}}

    assert RolloutProgress.of(raw).commands() == []


def test_a_state_that_cannot_be_read_says_so() -> None:
    raw = policy(at(Phase.IDLE))
    raw["status"]["state"] = {"phase": "Elsewhere"}

    assert "status.state" in RolloutProgress.of(raw).message


def test_whose_it_is_stands_in_its_marks() -> None:
    assert str(standing(None).application) == "gitops-system/shop"


def test_the_version_under_way_is_the_one_of_the_state() -> None:
    assert standing(holding(0)).state.target == NEW


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (48, "48s"), (192, "3m12s"), (7500, "2h05m"), (4 * 86400 + 3 * 3600, "4d3h")]
)
def test_lengths_of_time_are_short(seconds: int, text: str) -> None:
    assert span(timedelta(seconds=seconds)) == text


def test_a_run_shows_the_workload_and_the_strategy_it_was_started_with() -> None:
    edited = {**spec({"rolling": {}}), "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}
    run, rest = standing(holding(0), spec=edited), standing(at(Phase.IDLE), spec=edited)

    assert (run.workload.name, run.strategy) == ("web", "canary")
    assert (rest.workload.name, rest.strategy) == ("api", "rolling")


def test_only_a_step_with_analysis_is_judged() -> None:
    assert (standing(holding(2)).judged, standing(holding(1)).judged, standing(at(Phase.IDLE)).judged) == (True, False, False)
