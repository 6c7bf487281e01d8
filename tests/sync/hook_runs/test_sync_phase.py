from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord, Phase, RunState
from gitops_agent.sync.hook_runs.sync_phase import Inputs, begun, concerns, due, inputs_of, settled, stopped, superseded
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment, Operation
from tests.sync.hook_runs.samples import NOW, hook, made, run, view

MIGRATE = hook("migrate")
OBJECTS = [("ConfigMap:shop/web", "digest")]


def inputs(*hooks: Hook, objects: list[tuple[str, str]] | None = None, request: str = "") -> Inputs:
    return inputs_of(OBJECTS if objects is None else objects, hooks or (MIGRATE,), Operation.UPGRADE, request)


def begin(record: HookRecord, of: Inputs, *, changes: bool = True, synced: bool = False, minutes: int = 0) -> HookRecord:
    return begun(record, of, changes=changes, synced=synced, now=NOW + timedelta(minutes=minutes))


DONE = replace(begin(EMPTY, inputs()), phase=Phase.DONE)
DONE = replace(DONE, runs=(run(MIGRATE, series=DONE.series, state=RunState.SUCCEEDED),))
FAILED = replace(DONE, phase=Phase.FAILED, runs=(run(MIGRATE, series=DONE.series, state=RunState.FAILED),))


def test_a_sync_begins_before_its_hooks() -> None:
    first = begin(EMPTY, inputs(request="1"))
    assert (first.phase, first.operation, first.since, first.request) == (Phase.PRE_SYNC, Operation.UPGRADE, NOW, "1")


def test_known_content_is_never_begun_again() -> None:
    assert begin(DONE, inputs(), minutes=9) == DONE


def test_new_content_forgets_the_runs_of_the_old() -> None:
    after = begin(DONE, inputs(objects=[]))
    assert (after.phase, after.runs) == (Phase.PRE_SYNC, ())
    back = begin(replace(after, phase=Phase.DONE), inputs(), minutes=9)
    assert back.content == DONE.content
    assert back.series != DONE.series


def test_another_hook_runs_beside_those_that_have_run_for_the_same_objects() -> None:
    after = begin(DONE, inputs(MIGRATE, hook("seed")), minutes=9)
    assert (after.phase, after.series, after.runs) == (Phase.PRE_SYNC, DONE.series, DONE.runs)


def test_what_was_synced_before_hooks_were_run_is_done() -> None:
    assert begin(EMPTY, inputs(), changes=False, synced=True).phase is Phase.DONE
    assert begin(EMPTY, inputs(), changes=True, synced=True).phase is Phase.PRE_SYNC
    assert begin(EMPTY, inputs(), changes=False, synced=False).phase is Phase.PRE_SYNC


def test_without_hooks_nothing_is_recorded() -> None:
    none = inputs_of(OBJECTS, (), Operation.UPGRADE, "1")
    assert begin(DONE, none) == EMPTY
    assert not concerns(EMPTY, none)
    assert concerns(DONE, none)
    assert settled(EMPTY, none)


def test_a_request_runs_what_failed_again_and_nothing_else() -> None:
    both = replace(FAILED, runs=(*FAILED.runs, run(hook("seed"), series=DONE.series, state=RunState.SUCCEEDED)))
    after = begin(both, inputs(request="1"))
    assert (after.phase, after.request) == (Phase.PRE_SYNC, "1")
    assert [hook_run.state for hook_run in after.runs] == [RunState.RETRY, RunState.SUCCEEDED]
    assert begin(after, inputs(request="1")) == after
    assert begin(FAILED, inputs()) == FAILED


def test_a_request_in_a_sync_that_has_not_failed_is_only_remembered() -> None:
    assert begin(DONE, inputs(request="1")) == replace(DONE, request="1")


def test_newer_content_waits_for_a_run_of_the_older() -> None:
    under_way = replace(DONE, phase=Phase.PRE_SYNC, runs=(run(MIGRATE, series=DONE.series),))
    newer = inputs(objects=[])
    live = made(MIGRATE, series=DONE.series)
    _, waiting = superseded(under_way, newer, view(live))
    assert waiting == "waits for pre-sync Job shop/migrate of an earlier commit, running since 2026-11-29T12:00:00Z"
    assert superseded(under_way, inputs(), view(live)) == (under_way, "")
    assert superseded(under_way, replace(newer, request="1"), view(live))[1] == ""
    record, waiting = superseded(under_way, newer, view(live, now=NOW + timedelta(minutes=5)))
    assert waiting == ""
    assert record.failure is not None


@pytest.mark.parametrize("phase", [Phase.PRE_SYNC, Phase.SYNC, Phase.POST_SYNC, Phase.FAILED])
def test_a_sync_is_settled_when_it_is_done(phase: Phase) -> None:
    assert settled(DONE, inputs())
    assert not settled(replace(DONE, phase=phase), inputs())
    assert not settled(DONE, inputs(objects=[]))


def test_the_hooks_that_are_due_are_known_before_the_sync() -> None:
    smoke = hook("smoke", Moment.POST_SYNC)
    of = inputs(smoke, MIGRATE)
    assert due(EMPTY, of, changes=True, now=NOW) == ((Moment.PRE_SYNC, MIGRATE), (Moment.POST_SYNC, smoke))
    assert due(DONE, of, changes=False, now=NOW) == ((Moment.POST_SYNC, smoke),)
    assert due(DONE, inputs(), changes=True, now=NOW) == ()


def test_content_whose_hook_failed_is_stopped_by_it() -> None:
    undo = run(hook("undo", Moment.SYNC_FAIL), Moment.SYNC_FAIL, state=RunState.FAILED)
    both = replace(FAILED, runs=(undo, *FAILED.runs))

    assert stopped(both, inputs()) == stopped(FAILED, inputs()) == FAILED.runs[0]
    assert stopped(FAILED, inputs(objects=[])) is None
    assert stopped(DONE, inputs()) is None
    assert stopped(replace(FAILED, phase=Phase.PRE_SYNC), inputs()) is None
    assert stopped(FAILED, inputs_of(OBJECTS, (), Operation.UPGRADE, "")) is None
