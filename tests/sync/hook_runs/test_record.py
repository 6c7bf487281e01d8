from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord, Phase, RunState
from gitops_agent.sync.hooks.moment import Moment, Operation
from tests.sync.hook_runs.samples import NOW, hook, record, run


def test_a_record_survives_the_status() -> None:
    ended = run(hook("a"), state=RunState.FAILED, ended=NOW, message="exited with 3")
    known = replace(
        record(ended, run(hook("b"), Moment.POST_SYNC), phase=Phase.FAILED),
        operation=Operation.UPGRADE,
        request="7",
        deletion=True,
    )
    assert HookRecord.from_json(known.to_json()) == known


def test_an_empty_record_takes_no_room_in_a_status() -> None:
    assert EMPTY.to_json() == {}


@pytest.mark.parametrize("value", [None, {}, {"phase": "later"}, {"runs": [{"object": "Job:shop/a"}]}, {"runs": 3}])
def test_what_is_no_record_is_an_empty_one(value: object) -> None:
    assert HookRecord.from_json(value) == EMPTY  # type: ignore[arg-type]


def test_a_run_replaces_the_earlier_one_of_its_hook_and_moment() -> None:
    first = run(hook("a"))
    known = record(first, run(hook("a"), Moment.POST_SYNC)).with_run(replace(first, state=RunState.SUCCEEDED))
    assert [(hook_run.moment.value, hook_run.state.value) for hook_run in known.runs] == [
        ("post-sync", "Running"),
        ("pre-sync", "Succeeded"),
    ]


def test_the_failure_of_a_sync_fail_hook_is_not_that_of_the_sync() -> None:
    cause = run(hook("a"), state=RunState.FAILED)
    assert record(run(hook("b"), Moment.SYNC_FAIL, state=RunState.FAILED), cause).failure == cause
    assert record().failure is None


def test_a_long_message_is_cut() -> None:
    assert len(run(hook("a"), message="x" * 9000).to_json()["message"]) == 500
