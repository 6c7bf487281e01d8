from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from gitops_agent.cli.access import Access
from gitops_agent.cli.rollout_order import done, give, refusal
from gitops_agent.cli.rollout_standing import Standing
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import annotation
from gitops_agent.rollout.command import COMMAND, Command, Order, read
from gitops_agent.rollout.state import Phase, Rejected, RolloutState, Stage
from tests.cli.rollouts import LATER, NEW, OLD, START, at, found, holding, policy, spec, stored, write
from tests.cli.stage import Stage as Scene
from tests.waiting import eventually

REST = at(Phase.IDLE)
TIMED = holding(0, until=LATER)
HELD = at(Phase.HELD, rejected=(Rejected(hash=NEW.hash, commit=NEW.commit, reason="slow", at=START),))
PAUSED = at(Phase.PAUSED, resume=Stage.HOLD, reason="paused by ada")
ROLLING = at(Phase.PROMOTE, Stage.ROLL, wanted=spec({"rolling": {}}))


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (Order.APPROVE, holding(1)),
        (Order.APPROVE, at(Phase.STEP, Stage.SCALE, step=1)),
        (Order.APPROVE, at(Phase.PAUSED, step=1)),
        (Order.ADVANCE, holding(1)),
        (Order.ADVANCE, TIMED),
        (Order.PROMOTE, at(Phase.PENDING)),
        (Order.PROMOTE, at(Phase.PROVISION)),
        (Order.PROMOTE, holding(2)),
        (Order.PROMOTE, PAUSED),
        (Order.PAUSE, at(Phase.STEP, Stage.SCALE)),
        (Order.RESUME, PAUSED),
        (Order.ABORT, at(Phase.PENDING)),
        (Order.ABORT, at(Phase.PROMOTE, Stage.ROLL)),
        (Order.ABORT, ROLLING),
        (Order.RETRY, HELD),
    ],
)
def test_what_makes_sense_is_ordered(order: Order, state: RolloutState) -> None:
    assert refusal(Standing.of(policy(state)), order) == ""


@pytest.mark.parametrize(
    ("order", "state", "words"),
    [
        (Order.ABORT, None, "no agent has looked at it yet"),
        (Order.PROMOTE, REST, "no rollout is under way, 11111111 is stable"),
        (Order.ABORT, HELD, "no rollout is under way, 22222222 was rolled back"),
        (Order.RETRY, TIMED, "nothing is to be tried again"),
        (Order.APPROVE, TIMED, "step 1 of 3 asks for no approval"),
        (Order.APPROVE, holding(1, approvals=("22222222/1",)), "step 2 is approved already"),
        (Order.APPROVE, at(Phase.PROMOTE, Stage.ROLL), "nothing waits for approval"),
        (Order.ADVANCE, PAUSED, "it is paused (paused by ada): `rollout resume` goes on"),
        (Order.ADVANCE, holding(2), "waits for its metrics only"),
        (Order.ADVANCE, at(Phase.STEP, Stage.ROUTE), "step 1 is not in force yet"),
        (Order.ADVANCE, at(Phase.PROVISION), "it is in no step"),
        (Order.PROMOTE, at(Phase.PROMOTE, Stage.ROLL), "there is no step left to skip"),
        (Order.PROMOTE, ROLLING, "has no steps to skip"),
        (Order.PAUSE, PAUSED, "it is paused already"),
        (Order.PAUSE, at(Phase.PROMOTE, Stage.ROLL), "it can be paused in a step only"),
        (Order.RESUME, TIMED, "it is not paused"),
        (Order.ABORT, at(Phase.ABORT, Stage.DRAIN), "it is on its way out already"),
        (Order.ABORT, at(Phase.PROMOTE, Stage.RESTORE), "it is on its way out already"),
    ],
)
def test_what_makes_no_sense_says_why(order: Order, state: RolloutState | None, words: str) -> None:
    assert words in refusal(Standing.of(policy(state)), order)


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        (Order.APPROVE, holding(1), holding(1, approvals=("22222222/1",))),
        (Order.ADVANCE, TIMED, at(Phase.STEP, Stage.SCALE, step=1, approvals=("22222222/0",))),
        (Order.PROMOTE, TIMED, at(Phase.PROMOTE, Stage.CUT_SCALE, full=True)),
        (Order.PROMOTE, at(Phase.PENDING), replace(REST, stable=NEW)),
        (Order.PAUSE, TIMED, PAUSED),
        (Order.RESUME, PAUSED, TIMED),
        (Order.ABORT, TIMED, at(Phase.ABORT, Stage.UNROUTE)),
        (Order.ABORT, at(Phase.PROMOTE, Stage.ROLL), at(Phase.PROMOTE, Stage.RESTORE)),
        (Order.RETRY, HELD, at(Phase.PENDING)),
    ],
)
def test_an_order_that_did_what_it_says_is_known_by_its_effect(order: Order, before: RolloutState, after: RolloutState) -> None:
    assert done(order, before, replace(after, target=after.target or before.target))


@pytest.mark.parametrize(
    ("order", "before", "after"),
    [
        (Order.APPROVE, holding(1), holding(1)),
        (Order.ABORT, TIMED, at(Phase.PROVISION, target=OLD)),
        (Order.PAUSE, TIMED, at(Phase.PROMOTE, Stage.CUT_SCALE)),
        (Order.RETRY, HELD, HELD),
    ],
)
def test_one_that_came_too_late_is_known_too(order: Order, before: RolloutState, after: RolloutState) -> None:
    assert not done(order, before, after)


def command(stage: Scene) -> Command | None:
    return read(annotation(found(stage), COMMAND))


def obeying(stage: Scene, after: RolloutState) -> Callable[[], None]:
    """What the agent does: it consumes the nonce and writes another state."""

    def obey() -> None:
        asked = eventually(lambda: command(stage), seconds=20)
        assert asked is not None
        write(stage, replace(after, nonces=(asked.nonce,)))

    thread = threading.Thread(target=obey)
    thread.start()
    return thread.join


@pytest.fixture
def access(stage: Scene) -> Access:
    return Access.open(str(stage.plane.kubeconfig), None, stage.namespace)


@pytest.mark.cluster
def test_an_order_names_the_version_and_who_asked_and_is_waited_for(stage: Scene, access: Access) -> None:
    stored(stage, holding(1))
    join = obeying(stage, holding(1, approvals=("22222222/1",)))

    given = give(access, AppKey(stage.namespace, "web"), Order.APPROVE, reason="looks good", seconds=20)

    join()
    asked = command(stage)
    assert asked is not None
    assert (asked.order, asked.hash, asked.reason) == (Order.APPROVE, NEW.hash, "looks good")
    assert asked.actor == "sandbox-admin"
    assert given.effect
    assert given.after is not None


@pytest.mark.cluster
def test_an_order_that_nobody_takes_is_not_called_done(stage: Scene, access: Access) -> None:
    stored(stage, holding(1))

    given = give(access, AppKey(stage.namespace, "web"), Order.APPROVE, seconds=0.5)

    assert (given.after, given.effect) == (None, False)
    assert command(stage) is not None


@pytest.mark.cluster
def test_what_makes_no_sense_is_not_written(stage: Scene, access: Access) -> None:
    stored(stage, REST)

    with pytest.raises(AgentError, match="no rollout is under way") as refused:
        give(access, AppKey(stage.namespace, "web"), Order.ABORT, seconds=1)

    assert refused.value.reason == "CommandRefused"
    assert command(stage) is None


@pytest.mark.cluster
def test_an_earlier_order_that_is_replaced_is_told(stage: Scene, access: Access, capsys: pytest.CaptureFixture[str]) -> None:
    stored(stage, holding(1))
    give(access, AppKey(stage.namespace, "web"), Order.ABORT, seconds=0)

    give(access, AppKey(stage.namespace, "web"), Order.PAUSE, seconds=0)

    assert capsys.readouterr().err == "this replaces `abort` by sandbox-admin, which no agent has taken\n"
