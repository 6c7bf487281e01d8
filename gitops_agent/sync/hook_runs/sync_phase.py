"""The phases of a sync with hooks. Pure.

A sync is about content: a digest over all that is declared, hooks included. Content that the record knows is never begun again,
so repairs of drift, restarts and commits that change nothing run no hook. Nothing is done for new content before the status
says that its sync has begun: what was done is then never mistaken for an application that was synced long ago.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord, HookRun, Phase, RunState
from gitops_agent.sync.hook_runs.sequence import View, judged, named, run_id
from gitops_agent.sync.hooks.hook import Hook, hooks_of
from gitops_agent.sync.hooks.moment import SYNC_MOMENTS, Moment, Operation
from gitops_agent.sync.ordering.rules import RANKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a sync is about.

    Attributes:
        hooks: the declared hooks.
        objects: a digest over the other declared objects.
        operation: what a new sync would do.
        request: the last request for a sync.
    """

    hooks: tuple[Hook, ...]
    objects: str
    operation: Operation
    request: str = ""

    @property
    def content(self) -> str:
        """A digest over the declared objects and hooks of a sync."""
        return digest([self.objects, sorted(hook.content for hook in self.hooks if hook.of_a_sync)])

    @property
    def has_hooks(self) -> bool:
        """Whether a sync has any."""
        return any(hook.of_a_sync for hook in self.hooks)

    @property
    def has_deletion_hooks(self) -> bool:
        """Whether the deletion of the Application has any."""
        return any(moment not in SYNC_MOMENTS for hook in self.hooks for moment in hook.moments)


def inputs_of(content: Sequence[tuple[str, str]], hooks: tuple[Hook, ...], operation: Operation, request: str) -> Inputs:
    """The inputs of a sync.

    Args:
        content: what Git declares beside hooks, as pairs of key and digest.
        hooks: the declared hooks.
        operation: what a new sync would do.
        request: the last request for a sync.
    """
    return Inputs(hooks=hooks, objects=digest([list(pair) for pair in content]), operation=operation, request=request)


def concerns(record: HookRecord, inputs: Inputs) -> bool:
    """Whether hooks are declared, or ran before."""
    return inputs.has_hooks or inputs.has_deletion_hooks or record != EMPTY


def superseded(record: HookRecord, inputs: Inputs, view: View) -> tuple[HookRecord, str]:
    """The record after an earlier run, and the wait for it.

    A migration that is killed in its middle is worse than one that is waited for, so newer content waits until it has ended, at
    most for the timeout, or until a person asks for a sync.
    """
    run = record.running
    if run is None or record.content == inputs.content:
        return record, ""
    run = judged(run, view)
    record = record.with_run(run)
    if not run.running or inputs.request not in ("", record.request):
        return record, ""
    since = timestamp(run.started)
    return record, f"waits for {run.moment.value} {named(run.key)} of an earlier commit, running since {since}"


def begun(record: HookRecord, inputs: Inputs, *, changes: bool, synced: bool, now: datetime) -> HookRecord:
    """The record when the sync of some inputs begins.

    The same record when it has begun before.

    Args:
        record: what is known.
        inputs: what is declared now.
        changes: the plan changes something that is not drift, or a rollout is about to start.
        synced: the application is known to be synced to this commit already, or nothing is known since the start.
        now: aware, UTC, whole seconds.
    """
    record = replace(record, deletion=inputs.has_deletion_hooks)
    if not inputs.has_hooks:
        return replace(EMPTY, deletion=inputs.has_deletion_hooks)
    if record.content == inputs.content:
        return _retried(record, inputs)
    first = replace(EMPTY, content=inputs.content, inputs=inputs.objects, request=inputs.request, deletion=record.deletion)
    same = record.inputs == inputs.objects
    first = replace(first, series=record.series if same else digest([inputs.objects, now.isoformat()]))
    if record.phase is Phase.NONE and not changes and synced:
        # Synced before this agent ran hooks, or before there were any.
        return replace(first, phase=Phase.DONE, operation=inputs.operation)
    runs = tuple(run for run in record.runs if same and run.state is RunState.SUCCEEDED)
    return replace(first, phase=Phase.PRE_SYNC, operation=inputs.operation, since=now, runs=runs)


def _retried(record: HookRecord, inputs: Inputs) -> HookRecord:
    """Begins a failed sync again, on request.

    What succeeded is not run again.
    """
    if inputs.request in ("", record.request):
        return record
    if record.phase is not Phase.FAILED:
        return replace(record, request=inputs.request)
    runs = tuple(replace(run, state=RunState.RETRY) if run.state is RunState.FAILED else run for run in record.runs)
    return replace(record, phase=Phase.PRE_SYNC, request=inputs.request, runs=runs)


def due(record: HookRecord, inputs: Inputs, *, changes: bool, now: datetime) -> tuple[tuple[Moment, Hook], ...]:
    """The hooks that a sync would run, in their order.

    Args:
        record: what is known.
        inputs: what would be declared.
        changes: the plan changes something that is not drift.
        now: aware, UTC, whole seconds.
    """
    record = begun(record, inputs, changes=changes, synced=True, now=now)
    if record.phase in (Phase.NONE, Phase.DONE, Phase.FAILED):
        return ()
    return tuple(
        (moment, hook)
        for moment in (Moment.PRE_SYNC, Moment.SYNC, Moment.POST_SYNC)
        for hook in hooks_of(inputs.hooks, record.operation, moment, RANKS)
        if not _has_run(record, hook, moment)
    )


def stopped(record: HookRecord, inputs: Inputs) -> HookRun | None:
    """The failed hook that holds declared content back; None without one."""
    if record.content != inputs.content or record.phase is not Phase.FAILED or not inputs.has_hooks:
        return None
    failed = (run for run in record.runs if run.state is RunState.FAILED)
    return min(failed, key=lambda run: run.moment is Moment.SYNC_FAIL, default=None)


def _has_run(record: HookRecord, hook: Hook, moment: Moment) -> bool:
    run = record.run(hook.key, moment)
    return run is not None and run.state is RunState.SUCCEEDED and run.id == run_id(hook, moment, record.series)


def settled(record: HookRecord, inputs: Inputs) -> bool:
    """Whether no hook of a sync is left to run."""
    return not inputs.has_hooks or (record.content == inputs.content and record.phase is Phase.DONE)
