from __future__ import annotations

from dataclasses import replace

from gitops_agent.sync.hook_runs.cleanup import cleanups
from gitops_agent.sync.hook_runs.record import HookRecord, RunState
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.live.live_object import LiveObject
from tests.sync.hook_runs.samples import COMPLETE, hook, made, record, run
from tests.sync.samples import APP, OTHER

ACCOUNT = hook("account", kind="ServiceAccount", policy="hook-succeeded")
MIGRATE = hook("migrate", weight=1, policy="hook-succeeded")


def cleaned(
    written: HookRecord, *live: LiveObject, hooks: tuple[Hook, ...] = (ACCOUNT, MIGRATE)
) -> dict[str, tuple[bool, bool]]:
    pending = cleanups(written, hooks, {live_object.key: live_object for live_object in live}, APP)
    return {cleanup.live.key.name: (cleanup.release, cleanup.delete) for cleanup in pending}


def succeeded(declared_hook: Hook) -> HookRecord:
    return record(run(declared_hook, state=RunState.SUCCEEDED))


def test_a_running_hook_is_left_alone() -> None:
    assert cleaned(record(run(MIGRATE)), made(MIGRATE)) == {}


def test_an_object_that_was_made_and_not_recorded_is_left_alone() -> None:
    assert cleaned(record(), made(MIGRATE)) == {}


def test_what_succeeded_is_deleted_when_its_moment_is_over() -> None:
    assert cleaned(succeeded(ACCOUNT), made(ACCOUNT), made(MIGRATE)) == {}
    over = succeeded(ACCOUNT).with_run(run(MIGRATE, state=RunState.SUCCEEDED))
    assert cleaned(over, made(ACCOUNT), made(MIGRATE, COMPLETE)) == {"account": (False, True), "migrate": (True, True)}


def test_a_failure_ends_the_moment() -> None:
    failed = succeeded(ACCOUNT).with_run(run(MIGRATE, state=RunState.FAILED))
    assert cleaned(failed, made(ACCOUNT), made(MIGRATE)) == {"account": (False, True), "migrate": (True, False)}
    policy = hook("migrate", weight=1, policy="hook-failed")
    failed = record(run(policy, state=RunState.FAILED))
    assert cleaned(failed, made(policy), hooks=(policy,)) == {"migrate": (True, True)}


def test_what_asks_to_be_kept_is_not_deleted() -> None:
    kept = replace(MIGRATE, keep=True)
    assert cleaned(succeeded(kept), made(kept), hooks=(kept,)) == {"migrate": (True, False)}


def test_a_hook_that_is_no_longer_declared_stays_without_our_finalizer() -> None:
    assert cleaned(record(), made(MIGRATE), hooks=()) == {"migrate": (True, False)}


def test_objects_of_others_and_those_that_no_hook_made_are_left_alone() -> None:
    over = succeeded(MIGRATE)
    assert cleaned(over, replace(made(MIGRATE), owner=OTHER), hooks=(MIGRATE,)) == {}
    assert cleaned(over, replace(made(MIGRATE), hook_run=""), hooks=(MIGRATE,)) == {}


def test_an_object_that_is_being_deleted_is_only_released() -> None:
    assert cleaned(succeeded(MIGRATE), replace(made(MIGRATE), deleting=True), hooks=(MIGRATE,)) == {"migrate": (True, False)}
