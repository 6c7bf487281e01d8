from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.hook_runs.record import HookRecord, RunState
from gitops_agent.sync.hook_runs.sequence import Command, Move, applied, next_move, refused
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment
from gitops_agent.sync.live.live_object import LiveObject
from tests.sync.hook_runs.samples import COMPLETE, FAILED, NOW, RUNNING, TIMEOUT, hook, made, record, run, view
from tests.sync.samples import OTHER

FIRST, SECOND = hook("first"), hook("second", weight=1)


def after(known: HookRecord, *live: LiveObject, hooks: tuple[Hook, ...] = (FIRST, SECOND), late: bool = False) -> Move:
    now = NOW + TIMEOUT if late else NOW
    return next_move(known, Moment.PRE_SYNC, hooks, view(*live, written=known, now=now))


def test_the_first_hook_is_applied_first() -> None:
    move = after(record())
    assert (move.command, move.hook) == (Command.APPLY, FIRST)


def test_a_hook_waits_for_the_one_before() -> None:
    move = after(record(run(FIRST)), made(FIRST))
    assert (move.command, move.done) == (None, False)
    assert move.waiting == "waits for pre-sync Job shop/first, running since 2026-11-29T12:00:00Z"
    assert move.until == NOW + TIMEOUT


def test_what_succeeded_is_followed_by_the_next() -> None:
    move = after(record(run(FIRST, state=RunState.SUCCEEDED)))
    assert (move.command, move.hook) == (Command.APPLY, SECOND)


def test_nothing_follows_an_outcome_that_is_not_in_the_status_yet() -> None:
    known = record(run(FIRST))
    move = next_move(known, Moment.PRE_SYNC, (FIRST, SECOND), view(made(FIRST, COMPLETE), written=known))
    assert move.command is None
    assert "to be recorded" in move.waiting
    assert next_move(move.record, Moment.PRE_SYNC, (FIRST, SECOND), view(written=move.record)).hook == SECOND


def test_the_sequence_is_done_when_all_have_succeeded() -> None:
    both = record(run(FIRST, state=RunState.SUCCEEDED), run(SECOND, state=RunState.SUCCEEDED))
    assert after(both).done
    assert after(record(), hooks=()).done


def test_a_run_whose_object_its_ttl_deleted_is_not_repeated() -> None:
    assert after(record(run(FIRST, state=RunState.SUCCEEDED)), hooks=(FIRST,)).done


@pytest.mark.parametrize(
    ("live", "late", "message"),
    [
        (made(FIRST, FAILED), False, "exited with 3"),
        (made(FIRST), True, "did not end within 5m (spec.sync.timeout): 1 pod active, 0 failed"),
        (replace(made(FIRST), deleting=True), False, "was deleted before it ended"),
        (made(FIRST, uid="another"), False, "was deleted before it ended"),
        (None, False, "was deleted before it ended"),
    ],
)
def test_a_run_fails_in_several_ways(live: LiveObject | None, message: str, *, late: bool) -> None:
    move = after(record(run(FIRST)), *(() if live is None else (live,)), late=late)
    assert move.failed
    failure = move.record.failure
    assert failure is not None
    assert (failure.state, failure.message, failure.ended) == (RunState.FAILED, message, NOW + TIMEOUT if late else NOW)


def test_a_run_that_ended_well_is_a_success_also_while_it_is_being_deleted() -> None:
    move = after(record(run(FIRST)), replace(made(FIRST, COMPLETE), deleting=True), hooks=(FIRST,))
    assert move.done


def test_an_object_that_cannot_be_seen_is_not_taken_for_gone() -> None:
    known = record(run(FIRST))
    move = next_move(known, Moment.PRE_SYNC, (FIRST,), view(written=known, blind=[FIRST.key]))
    assert (move.failed, move.command) == (False, None)
    assert move.waiting.startswith("waits for pre-sync Job shop/first")


def test_an_object_that_an_earlier_process_made_is_the_run() -> None:
    move = after(record(), made(FIRST))
    assert (move.command, move.record.runs) == (None, (run(FIRST),))


def test_an_earlier_try_of_the_same_run_is_not_taken_for_the_next_one() -> None:
    known = record(run(FIRST, state=RunState.RETRY))
    assert after(known, made(FIRST, FAILED)).command is Command.DELETE
    assert after(known).command is Command.APPLY
    assert after(known, made(FIRST, uid="u2")).record.runs == (run(FIRST, uid="u2"),)


def test_the_object_of_an_earlier_run_is_deleted_first() -> None:
    earlier = made(FIRST, COMPLETE, series="others")
    assert after(record(), earlier).command is Command.DELETE
    move = after(record(), replace(earlier, deleting=True))
    assert (move.command, move.waiting) == (
        Command.RELEASE,
        "waits for the earlier Job shop/first to be gone, before its pre-sync run",
    )
    assert after(record(), replace(earlier, deleting=True, finalizers=("other",))).command is None


def test_an_earlier_object_fails_the_run_when_no_policy_deletes_it() -> None:
    kept = hook("first", policy="hook-failed")
    move = after(record(), made(kept, COMPLETE, series="others"), hooks=(kept,))
    assert move.failed
    assert move.record.failure is not None
    assert "does not name before-hook-creation" in move.record.failure.message


def test_what_does_not_run_to_an_end_is_applied_in_place() -> None:
    settings = hook("settings", kind="ConfigMap")
    old = made(settings, Health(Status.HEALTHY), series="others")
    assert after(record(), old, hooks=(settings,)).command is Command.APPLY
    replaced = hook("settings", kind="ConfigMap", policy="before-hook-creation")
    assert after(record(), old, hooks=(replaced,)).command is Command.DELETE


def test_a_passive_object_is_done_once_it_is_applied() -> None:
    settings = hook("settings", kind="ConfigMap")
    move = after(record())
    move = after(record(), hooks=(settings,))
    known = applied(move, Moment.PRE_SYNC, "u1", view())
    live = replace(made(settings, Health(Status.HEALTHY)), uid="u1")
    assert after(known, live, hooks=(settings, SECOND)).hook == SECOND


def test_a_pod_that_serves_has_not_ended() -> None:
    pod = hook("first", kind="Pod")
    assert after(record(run(pod)), made(pod, Health(Status.HEALTHY)), hooks=(pod,)).waiting
    assert after(record(run(pod)), made(pod, COMPLETE), hooks=(pod,)).done


def test_a_suspended_job_is_waited_for_and_said_to_be_suspended() -> None:
    move = after(record(run(FIRST)), made(FIRST, Health(Status.SUSPENDED, "Suspended", "spec.suspend is set")))
    assert move.waiting.endswith(": it is suspended")


def test_the_object_of_another_application_is_left_alone() -> None:
    move = after(record(), replace(made(FIRST, series="others"), owner=OTHER))
    assert move.failed
    assert move.record.failure is not None
    assert move.record.failure.message == "belongs to Application gitops-system/bank"
    contested = next_move(record(), Moment.PRE_SYNC, (FIRST,), view(contested={FIRST.key: OTHER}))
    assert contested.failed


def test_a_refusal_of_the_api_server_is_a_failure() -> None:
    known = refused(after(record()), Moment.PRE_SYNC, "spec.template: required", view())
    assert after(known).failed


def test_the_same_hook_runs_at_each_of_its_moments() -> None:
    both = hook("first", Moment.PRE_SYNC, Moment.POST_SYNC)
    known = record(run(both, state=RunState.SUCCEEDED))
    move = next_move(known, Moment.POST_SYNC, (both,), view(made(both, COMPLETE), written=known))
    assert move.command is Command.DELETE


def test_the_wait_names_no_time_that_passes() -> None:
    known = record(run(FIRST))
    texts = {
        next_move(known, Moment.PRE_SYNC, (FIRST,), view(made(FIRST, RUNNING), written=known, now=NOW + passed)).waiting
        for passed in (timedelta(), timedelta(minutes=1), timedelta(minutes=4))
    }
    assert len(texts) == 1
