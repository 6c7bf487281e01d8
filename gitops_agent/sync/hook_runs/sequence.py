"""The next move in a sequence of hooks. Pure.

Each hook waits for the one before. A run is known by its id, which stands on its object and in the record: an object with this
id is this run, whichever process made it, and a run in the record is never made again. So the agent may die between any two
writes: before the object is made nothing has happened; afterwards the object says so, and a finalizer keeps it until the record
does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gitops_agent.api.durations import format_duration
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.manifest.marks import HOOK_FINALIZER
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.sync.hook_runs.outcome import outcome
from gitops_agent.sync.hook_runs.record import HookRecord, HookRun, RunState
from gitops_agent.sync.hooks.delete_policy import RUNS_TO_AN_END, DeletePolicy
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment
from gitops_agent.sync.live.live_object import LiveObject


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is true when a move is looked for.

    Attributes:
        application: whose hooks.
        live: the live objects.
        written: the record as it stands in the cluster.
        now: aware, UTC, whole seconds.
        timeout: how long a run may take.
        blind: kinds that cannot be listed, or have not been yet.
        contested: objects that another application holds, with that one.
    """

    application: AppKey
    live: Mapping[ObjectKey, LiveObject]
    written: HookRecord
    now: datetime
    timeout: timedelta
    blind: Collection[GroupKind] = frozenset()
    contested: Mapping[ObjectKey, AppKey] = field(default_factory=dict)


class Command(StrEnum):
    """What has to be written for a hook."""

    APPLY = "apply"
    DELETE = "delete"
    """The object of an earlier run, so that this one can have its name."""
    RELEASE = "release"
    """Our finalizer on an object that is being deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens next.

    Attributes:
        record: with the outcomes that were seen.
        command: what to write now; None when nothing is to be written.
        hook: which hook it is about; None without one.
        id: of its run.
        waiting: what is waited for, in words; empty when nothing is.
        until: when the wait ends at the latest; None without such a date.
        failed: a run of the sequence failed, and nothing follows it.
        done: every hook of the sequence has succeeded.
    """

    record: HookRecord
    command: Command | None = None
    hook: Hook | None = None
    id: str = ""
    waiting: str = ""
    until: datetime | None = None
    failed: bool = False
    done: bool = False


def run_id(hook: Hook, moment: Moment, series: str) -> str:
    """The id of the run of a hook in a series (`HookRecord.series`)."""
    return digest([str(hook.key), hook.manifest.digest, moment.value, series])


def next_move(record: HookRecord, moment: Moment, hooks: Sequence[Hook], view: View) -> Move:
    """The next move of a sequence.

    Args:
        record: what is known of earlier moves.
        moment: of the sequence.
        hooks: in the order in which they run.
        view: what is true now.
    """
    for hook in hooks:
        name = run_id(hook, moment, record.series)
        run = record.run(hook.key, moment)
        if run is not None and run.id == name and run.state is not RunState.RETRY:
            run = judged(run, view)
            record = record.with_run(run)
            if run.state is RunState.FAILED:
                return Move(record=record, hook=hook, id=name, failed=True)
            if run.running:
                return Move(record=record, hook=hook, id=name, waiting=_waits(run, view), until=run.started + view.timeout)
            continue
        return _begun(record, moment, hook, name, view)
    return Move(record=record, done=True)


def judged(run: HookRun, view: View) -> HookRun:
    """A run with the outcome that its object shows."""
    if not run.running:
        return run
    live = view.live.get(run.key)
    if live is None and run.key.group_kind in view.blind:
        return run
    if live is None or (run.uid and live.uid != run.uid):
        return _ended(run, RunState.FAILED, "was deleted before it ended", view)
    state = outcome(live.health, runs_to_an_end=run.key.group_kind in RUNS_TO_AN_END)
    if state is RunState.SUCCEEDED:
        return _ended(run, state, "", view)
    if state is RunState.FAILED:
        return _ended(run, state, live.health.message or live.health.reason, view)
    if live.deleting:
        return _ended(run, RunState.FAILED, "was deleted before it ended", view)
    if view.now >= run.started + view.timeout:
        status = f": {live.health.message}" if live.health.message else ""
        text = f"did not end within {format_duration(view.timeout)} (spec.sync.timeout){status}"
        return _ended(run, RunState.FAILED, text, view)
    return run


def applied(move: Move, moment: Moment, uid: str, view: View) -> HookRecord:
    """The record once the object of a run was applied."""
    if move.hook is None:
        return move.record
    run = HookRun(key=move.hook.key, moment=moment, id=move.id, uid=uid, started=view.now)
    return move.record.with_run(run)


def refused(move: Move, moment: Moment, message: str, view: View) -> HookRecord:
    """The record once the object of a run was refused for good."""
    if move.hook is None:
        return move.record
    run = HookRun(key=move.hook.key, moment=moment, id=move.id, started=view.now)
    return move.record.with_run(_ended(run, RunState.FAILED, message, view))


def named(key: ObjectKey) -> str:
    """An object as a sentence names it: `Job shop/migrate`."""
    return f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}"


def _begun(record: HookRecord, moment: Moment, hook: Hook, name: str, view: View) -> Move:
    """The first move of a run that the record does not know."""
    move = Move(record=record, hook=hook, id=name)
    live = view.live.get(hook.key)
    holder = view.contested.get(hook.key)
    if holder is None and live is not None and live.named not in (None, view.application):
        holder = live.named
    if holder is not None:
        return replace(move, record=refused(move, moment, f"belongs to Application {holder}", view), failed=True)
    if live is None and hook.key.group_kind in view.blind:
        return replace(move, waiting=f"waits for {moment.value} {named(hook.key)}: its kind cannot be listed")
    if live is not None and live.hook_run == name and _is_new(live, record.run(hook.key, moment)):
        # Made by an earlier process, which ended before it could write so.
        return next_move(applied(move, moment, live.uid, view), moment, (hook,), view)
    if _unsettled(record, view.written):
        return replace(move, waiting=f"waits for the outcome of the hook before {named(hook.key)} to be recorded")
    return replace(move, command=Command.APPLY) if live is None else _around(move, moment, hook, live, view)


def _around(move: Move, moment: Moment, hook: Hook, live: LiveObject, view: View) -> Move:
    """Removes the object of an earlier run, or changes it in place."""
    if live.deleting:
        waits = replace(move, waiting=f"waits for the earlier {named(hook.key)} to be gone, before its {moment.value} run")
        return replace(waits, command=Command.RELEASE) if HOOK_FINALIZER in live.finalizers else waits
    if not hook.runs_to_an_end and (hook.keep or DeletePolicy.BEFORE_HOOK_CREATION not in hook.policies):
        return replace(move, command=Command.APPLY)
    if hook.keep or DeletePolicy.BEFORE_HOOK_CREATION not in hook.policies:
        text = "is there from an earlier run, and its delete policy does not name before-hook-creation"
        return replace(move, record=refused(move, moment, text, view), failed=True)
    return replace(move, command=Command.DELETE)


def _is_new(live: LiveObject, run: HookRun | None) -> bool:
    """Whether an object is of this try, and not going."""
    retried = run is not None and run.state is RunState.RETRY and run.uid == live.uid
    return not retried and not (live.deleting and HOOK_FINALIZER not in live.finalizers)


def _unsettled(record: HookRecord, written: HookRecord) -> bool:
    """Whether an outcome is not in the status yet."""
    return any(
        not run.running and run.uid and run.key.group_kind in RUNS_TO_AN_END and written.run(run.key, run.moment) != run
        for run in record.runs
    )


def _waits(run: HookRun, view: View) -> str:
    live = view.live.get(run.key)
    text = f"waits for {run.moment.value} {named(run.key)}, running since {timestamp(run.started)}"
    if live is not None and live.health.reason == "Suspended":
        return f"{text}: it is suspended"
    return text


def _ended(run: HookRun, state: RunState, message: str, view: View) -> HookRun:
    return replace(run, state=state, ended=view.now, message=message)
