from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.sync.hook_runs.record import HookRecord, Phase, RunState
from gitops_agent.sync.hook_runs.sequence import Command
from gitops_agent.sync.hook_runs.sync_phase import Inputs
from gitops_agent.sync.hook_runs.turn import Progress, Turn, at_rest, turn
from gitops_agent.sync.hook_runs.waves import WaveProgress
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment, Operation
from gitops_agent.sync.live.live_object import LiveObject
from tests.sync.hook_runs.samples import FAILED, hook, made, record, run, view

PRE, DURING = hook("pre", Moment.PRE_SYNC), hook("during", Moment.SYNC)
POST, FAIL = hook("post", Moment.POST_SYNC), hook("fail", Moment.SYNC_FAIL)
EVERYTHING = WaveProgress(unapplied=None, unhealthy=None)
NOTHING = WaveProgress(unapplied=0, unhealthy=0)


def after(
    known: HookRecord,
    *live: LiveObject,
    hooks: tuple[Hook, ...] = (PRE, DURING, POST, FAIL),
    waves: WaveProgress = EVERYTHING,
    complete: bool = False,
    failing: bool = False,
) -> Turn:
    inputs = Inputs(hooks=hooks, objects="objects", operation=Operation.INSTALL)
    return turn(known, inputs, view(*live, written=known), Progress(waves=waves, complete=complete, failing=failing))


def has_run(*hooks: Hook, phase: Phase) -> HookRecord:
    return record(
        *(run(declared_hook, declared_hook.moments[0], state=RunState.SUCCEEDED) for declared_hook in hooks), phase=phase
    )


def test_nothing_happens_before_the_status_says_that_the_sync_has_begun() -> None:
    known = record()
    inputs = Inputs(hooks=(PRE,), objects="objects", operation=Operation.INSTALL)
    taken = turn(known, inputs, view(written=replace(known, content="older")), Progress(waves=EVERYTHING))
    assert (taken.move, taken.open, taken.record) == (None, False, known)


def test_nothing_is_applied_before_the_pre_sync_hooks_have_succeeded() -> None:
    taken = after(record())
    assert (taken.open, taken.moment) == (False, Moment.PRE_SYNC)
    assert taken.move is not None
    assert (taken.move.command, taken.move.hook) == (Command.APPLY, PRE)
    assert not after(record(run(PRE)), made(PRE)).open


def test_a_sync_hook_waits_for_its_wave_and_holds_the_higher_ones() -> None:
    taken = after(has_run(PRE, phase=Phase.PRE_SYNC), waves=NOTHING)
    assert (taken.record.phase, taken.move, taken.open, taken.limit) == (Phase.SYNC, None, True, 0)
    taken = after(has_run(PRE, phase=Phase.SYNC))
    assert taken.move is not None
    assert (taken.move.hook, taken.open, taken.limit) == (DURING, True, 0)


def test_post_sync_hooks_wait_until_everything_is_complete() -> None:
    known = has_run(PRE, DURING, phase=Phase.SYNC)
    taken = after(known)
    assert (taken.move, taken.open, taken.limit) == (None, True, None)
    taken = after(known, complete=True)
    assert taken.move is not None
    assert (taken.move.hook, taken.record.phase, taken.open) == (POST, Phase.POST_SYNC, True)


def test_a_sync_without_hooks_left_is_done() -> None:
    taken = after(has_run(PRE, DURING, POST, phase=Phase.POST_SYNC), complete=True)
    assert (taken.record.phase, taken.move, taken.open) == (Phase.DONE, None, True)
    assert at_rest(taken.record)


@pytest.mark.parametrize(("failed", "phase"), [(PRE, Phase.PRE_SYNC), (DURING, Phase.SYNC), (POST, Phase.POST_SYNC)])
def test_a_failed_hook_ends_the_sync(failed: Hook, phase: Phase) -> None:
    before = [declared_hook for declared_hook in (PRE, DURING, POST) if declared_hook is not failed]
    moment = failed.moments[0]
    known = has_run(*before, phase=phase).with_run(run(failed, moment))
    taken = after(known, made(failed, FAILED, moment=moment), complete=True)
    assert (taken.record.phase, taken.open) == (Phase.FAILED, False)


def test_the_hooks_of_a_failed_sync_run_once() -> None:
    known = record(run(PRE, state=RunState.FAILED), phase=Phase.FAILED)
    taken = after(known)
    assert taken.move is not None
    assert (taken.move.hook, taken.move.command) == (FAIL, Command.APPLY)
    ended = known.with_run(run(FAIL, Moment.SYNC_FAIL, state=RunState.SUCCEEDED))
    again = after(ended)
    assert again.move is not None
    assert (again.move.command, again.record) == (None, ended)


def test_a_sync_whose_objects_fail_runs_them_too_and_goes_on() -> None:
    taken = after(has_run(PRE, DURING, phase=Phase.SYNC), failing=True)
    assert taken.move is not None
    assert (taken.move.hook, taken.open, taken.record.phase) == (FAIL, True, Phase.SYNC)
