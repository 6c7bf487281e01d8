from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.command_rules import RULES, done
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Phase, Rejected, RolloutState, Stage
from tests.cli.policies import LATER, NEW, OLD, START, at, holding, policy, spec

REST = at(Phase.IDLE)
TIMED = holding(0, until=LATER)
HELD = at(Phase.HELD, rejected=(Rejected(hash=NEW.hash, commit=NEW.commit, reason="slow", at=START),))
PAUSED = at(Phase.PAUSED, resume=Stage.HOLD, reason="paused by ada")
ROLLING = at(Phase.PROMOTE, Stage.ROLL, wanted=spec({"rolling": {}}))


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (CommandKind.APPROVE, holding(1)),
        (CommandKind.APPROVE, at(Phase.STEP, Stage.SCALE, step=1)),
        (CommandKind.APPROVE, at(Phase.PAUSED, step=1)),
        (CommandKind.ADVANCE, holding(1)),
        (CommandKind.ADVANCE, TIMED),
        (CommandKind.PROMOTE, at(Phase.PENDING)),
        (CommandKind.PROMOTE, at(Phase.PROVISION)),
        (CommandKind.PROMOTE, holding(2)),
        (CommandKind.PROMOTE, PAUSED),
        (CommandKind.PROMOTE, HELD),
        (CommandKind.PROMOTE, at(Phase.PROMOTE, Stage.CUT_HOLD, full=True)),
        (CommandKind.PROMOTE, at(Phase.PROMOTE, Stage.WATCH, wanted=spec({"rolling": {}}))),
        (CommandKind.PAUSE, at(Phase.STEP, Stage.SCALE)),
        (CommandKind.RESUME, PAUSED),
        (CommandKind.ABORT, at(Phase.PENDING)),
        (CommandKind.ABORT, at(Phase.PROMOTE, Stage.ROLL)),
        (CommandKind.ABORT, ROLLING),
        (CommandKind.RETRY, HELD),
    ],
)
def test_what_makes_sense_is_ordered(order: CommandKind, state: RolloutState) -> None:
    assert RolloutProgress.of(policy(state)).refusal(order) == ""


@pytest.mark.parametrize(
    ("order", "state", "words"),
    [
        (CommandKind.ABORT, None, "no agent has reconciled it yet"),
        (CommandKind.PROMOTE, REST, "no rollout is under way, 11111111 is stable"),
        (CommandKind.ABORT, HELD, "no rollout is under way, 22222222 was rolled back"),
        (CommandKind.RETRY, TIMED, "nothing is to be tried again"),
        (CommandKind.APPROVE, TIMED, "step 1 of 3 asks for no approval"),
        (CommandKind.APPROVE, holding(1, approvals=("22222222/1",)), "step 2 is approved already"),
        (CommandKind.APPROVE, at(Phase.PROMOTE, Stage.ROLL), "nothing waits for approval"),
        (CommandKind.ADVANCE, PAUSED, "it is paused (paused by ada): `rollout resume` continues it"),
        (CommandKind.ADVANCE, holding(2), "waits for its metrics only"),
        (CommandKind.ADVANCE, holding(2, until=START), "waits for its metrics only"),
        (CommandKind.ADVANCE, HELD, "`rollout retry` tries it once more, `rollout promote --full` without its steps"),
        (CommandKind.PROMOTE, replace(HELD, plan=ROLLING.plan), "`rollout retry` tries the version once more"),
        (CommandKind.ADVANCE, at(Phase.STEP, Stage.ROUTE), "step 1 is not in force yet"),
        (CommandKind.ADVANCE, at(Phase.PROVISION), "it is in no step"),
        (CommandKind.PROMOTE, at(Phase.PROMOTE, Stage.ROLL), "there is no step left to skip"),
        (CommandKind.ADVANCE, at(Phase.PROMOTE, Stage.CUT_HOLD), "`rollout promote --full` waits for neither"),
        (
            CommandKind.PROMOTE,
            at(Phase.PROMOTE, Stage.CUT_HOLD, approvals=("22222222/promotion",)),
            "waits for nothing any more",
        ),
        (CommandKind.PROMOTE, ROLLING, "has no steps to skip"),
        (CommandKind.PAUSE, PAUSED, "it is paused already"),
        (CommandKind.PAUSE, at(Phase.PROMOTE, Stage.ROLL), "it can be paused in a step only"),
        (CommandKind.RESUME, TIMED, "it is not paused"),
        (CommandKind.ABORT, at(Phase.ABORT, Stage.DRAIN), "it is on its way out already"),
        (CommandKind.ABORT, at(Phase.PROMOTE, Stage.RESTORE), "it is on its way out already"),
    ],
)
def test_what_makes_no_sense_says_why(order: CommandKind, state: RolloutState | None, words: str) -> None:
    assert words in RolloutProgress.of(policy(state)).refusal(order)


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        (CommandKind.APPROVE, holding(1), holding(1, approvals=("22222222/1",))),
        (CommandKind.ADVANCE, TIMED, at(Phase.STEP, Stage.SCALE, step=1, approvals=("22222222/0",))),
        (CommandKind.PROMOTE, TIMED, at(Phase.PROMOTE, Stage.CUT_SCALE, full=True)),
        (CommandKind.PROMOTE, at(Phase.PENDING), replace(REST, stable=NEW)),
        (CommandKind.PAUSE, TIMED, PAUSED),
        (CommandKind.RESUME, PAUSED, TIMED),
        (CommandKind.ABORT, TIMED, at(Phase.ABORT, Stage.UNROUTE)),
        (CommandKind.ABORT, at(Phase.PROMOTE, Stage.ROLL), at(Phase.PROMOTE, Stage.RESTORE)),
        (CommandKind.RETRY, HELD, at(Phase.PENDING)),
        (CommandKind.PROMOTE, HELD, at(Phase.PENDING, full=True)),
    ],
)
def test_an_order_that_did_what_it_says_is_known_by_its_effect(
    order: CommandKind, before: RolloutState, after: RolloutState
) -> None:
    assert done(order, before, replace(after, target=after.target or before.target))


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        (CommandKind.APPROVE, holding(1), holding(1)),
        (CommandKind.ABORT, TIMED, at(Phase.PROVISION, target=OLD)),
        (CommandKind.PAUSE, TIMED, at(Phase.PROMOTE, Stage.CUT_SCALE)),
        (CommandKind.RETRY, HELD, HELD),
        (CommandKind.PROMOTE, HELD, HELD),
    ],
)
def test_one_that_came_too_late_is_known_too(order: CommandKind, before: RolloutState, after: RolloutState) -> None:
    assert not done(order, before, after)


def test_a_command_had_its_effect_when_the_run_ended_and_none_when_another_version_is_rolled_out() -> None:
    ended = replace(REST, stable=NEW, target=None)

    assert done(CommandKind.PROMOTE, TIMED, ended)
    assert not done(CommandKind.PROMOTE, TIMED, replace(ended, target=OLD))


def test_every_command_has_its_rule() -> None:
    assert RULES.keys() == set(CommandKind)
