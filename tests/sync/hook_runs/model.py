"""A model cluster whose agent may die between any two writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.marks import HOOK_FINALIZER
from gitops_agent.sync.hook_runs.cleanup import cleanups
from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord, Phase
from gitops_agent.sync.hook_runs.sequence import Command, Move, View, applied
from gitops_agent.sync.hook_runs.sync_phase import Inputs, begun, inputs_of, superseded
from gitops_agent.sync.hook_runs.turn import Progress, turn
from gitops_agent.sync.hook_runs.waves import WaveProgress
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment, Operation
from gitops_agent.sync.live.live_object import LiveObject
from tests.sync.hook_runs.samples import COMPLETE, NOW, RUNNING, TIMEOUT
from tests.sync.samples import APP


class Died(Exception):
    """The agent was killed."""


@dataclass
class Model:
    """One application with one object beside its hooks.

    Attributes:
        hooks: the declared hooks.
        content: what is declared beside them.
        live: the objects of hooks.
        main: the content that is applied.
        status: the record in the cluster.
        writes: how many more writes succeed before the agent dies; None for all.
        made: how often the object of a hook was made for a content.
        faults: the broken invariants.
    """

    hooks: tuple[Hook, ...]
    content: str = "v1"
    live: dict[ObjectKey, LiveObject] = field(default_factory=dict)
    main: str = ""
    status: HookRecord = EMPTY
    writes: int | None = None
    made: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ended: set[tuple[str, str, str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    now: datetime = NOW
    memory: HookRecord | None = None
    uids: int = 0

    # The agent

    def reconcile(self) -> bool:
        """One reconcile; false when it has written nothing."""
        before = (dict(self.live), self.main, self.status)
        try:
            self._reconcile()
        except Died:
            self.memory = None
        return before != (dict(self.live), self.main, self.status)

    def _reconcile(self) -> None:
        inputs = inputs_of([("main", self.content)], self.hooks, Operation.UPGRADE, "")
        record, waiting = superseded(self.memory or self.status, inputs, self._view())
        if not waiting:
            changes = self.main != self.content
            record = begun(record, inputs, changes=changes, synced=self.memory is None, now=self.now)
            record, is_open = self._turns(record, inputs, complete=False)
            if is_open and self.main != self.content:
                self._check_main(inputs)
                self._write(lambda: setattr(self, "main", self.content))
            if self.main == self.content and record.phase in (Phase.SYNC, Phase.POST_SYNC):
                record, _ = self._turns(record, inputs, complete=True)
        self.memory = record
        if record != self.status:
            self._write(lambda: setattr(self, "status", record))
        for cleanup in cleanups(self.status, self.hooks, self.live, APP):
            if cleanup.release:
                self._release(cleanup.live.key)
            if cleanup.delete:
                self._delete(cleanup.live.key)

    def _turns(self, record: HookRecord, inputs: Inputs, *, complete: bool) -> tuple[HookRecord, bool]:
        progress = Progress(waves=WaveProgress(unapplied=None, unhealthy=None), complete=complete)
        while True:
            view = self._view()
            taken = turn(record, inputs, view, progress)
            record = taken.record
            if taken.move is None or taken.move.command is None:
                return record, taken.open and taken.limit is None
            record = self._execute(taken.move, taken.moment, view)

    def _execute(self, move: Move, moment: Moment, view: View) -> HookRecord:
        hook = move.hook
        assert hook is not None
        if move.command is Command.APPLY:
            self._write(lambda: self._make(hook, move.id, moment))
            return applied(move, moment, self.live[hook.key].uid, view)
        if move.command is Command.DELETE:
            self._delete(hook.key)
        else:
            self._release(hook.key)
        return move.record

    def _view(self) -> View:
        return View(application=APP, live=dict(self.live), written=self.status, now=self.now, timeout=TIMEOUT)

    # The cluster

    def _write(self, write: Callable[[], None]) -> None:
        if self.writes == 0:
            raise Died
        if self.writes is not None:
            self.writes -= 1
        write()

    def _make(self, hook: Hook, run: str, moment: Moment) -> None:
        if hook.runs_to_an_end and hook.key in self.live:
            self.faults.append(f"{hook.key} was made over another object")
        name = (hook.key.name, moment.value, self.content)
        if hook.runs_to_an_end and name in self.made:
            self.faults.append(f"{name} ran twice")
        self.made[name] += 1
        self.uids += 1
        self.live[hook.key] = LiveObject(
            key=hook.key,
            uid=f"u{self.uids}",
            owner=APP,
            health=RUNNING if hook.runs_to_an_end else COMPLETE,
            hook_run=run,
            finalizers=(HOOK_FINALIZER,) if hook.runs_to_an_end else (),
        )

    def _delete(self, key: ObjectKey) -> None:
        def delete() -> None:
            live = self.live[key]
            if live.finalizers:
                self.live[key] = replace(live, deleting=True)
            else:
                del self.live[key]

        self._write(delete)

    def _release(self, key: ObjectKey) -> None:
        def release() -> None:
            live = self.live[key]
            if live.deleting:
                del self.live[key]
            else:
                self.live[key] = replace(live, finalizers=())

        self._write(release)

    def _check_main(self, inputs: Inputs) -> None:
        for hook in self.hooks:
            pre = any(moment is Moment.PRE_SYNC for _, moment in hook.times)
            if pre and hook.runs_to_an_end and (hook.key.name, "pre-sync", self.content) not in self.ended:
                self.faults.append(f"{self.content} is applied before {hook.key} of {inputs.content[:6]} ended")

    def end_jobs(self) -> None:
        """Lets every Job that runs end well."""
        for key, live in self.live.items():
            if live.health == RUNNING and not live.deleting:
                self.live[key] = replace(live, health=COMPLETE)
                latest = [name for name in self.made if name[0] == key.name][-1]
                self.ended.add(latest)

    def expire(self) -> None:
        """Deletes every Job that has ended, as its TTL does."""
        for key, live in list(self.live.items()):
            if live.health == COMPLETE and key.kind == "Job" and not live.deleting:
                if live.finalizers:
                    self.live[key] = replace(live, deleting=True)
                else:
                    del self.live[key]

    def settle(self) -> None:
        """Reconciles without dying until nothing changes any more."""
        self.writes = None
        for _ in range(60):
            self.now += timedelta(seconds=1)
            moved = self.reconcile()
            self.end_jobs()
            if not moved and self.status.phase is Phase.DONE and self.main == self.content:
                return
        self.faults.append(f"it does not come to rest: {self.status.phase} {[str(key) for key in self.live]}")
