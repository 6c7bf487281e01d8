"""Hooks in one reconcile: their turns, and what they hold back.

The pass holds what the turns of one reconcile share. It writes at most what the pure core names (`sync/hook_runs`), and what it
learns goes into the record, which the status keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gitops_agent.agent.reconcile.hook_writer import HookWriter
from gitops_agent.agent.reconcile.outcome import ObjectIssue, Requeue
from gitops_agent.agent.reconcile.restrictions import only
from gitops_agent.agent.stores.prerequisites import REASONS as PREREQUISITES
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.sync_options import ErrorPolicy, SyncMode
from gitops_agent.errors import AgentError, Conflict
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.kinds import CRD, NAMESPACE
from gitops_agent.observe.log import logger
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.action import REMARKED, Action
from gitops_agent.sync.health.explainer import Explainer
from gitops_agent.sync.hook_runs.record import HookRecord, Phase, RunState
from gitops_agent.sync.hook_runs.sequence import Command, Move, View, applied, named, refused
from gitops_agent.sync.hook_runs.sync_phase import Inputs, begun, settled, superseded
from gitops_agent.sync.hook_runs.turn import Progress, Turn, turn
from gitops_agent.sync.hook_runs.waves import WaveProgress, behind, wave_progress
from gitops_agent.sync.hooks.moment import Moment
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.plan import Plan

_log = logger("agent")
_HELD = "not applied before its pre-sync hooks have succeeded"
_IN_THE_WAY_SECONDS = 1.0
_TURNS = 4
"""Moves of one hook in one pass at most: delete, release, apply, and its outcome."""
_NOTHING = WaveProgress(unapplied=None, unhealthy=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTools:
    """What all passes use.

    Attributes:
        writer: writes objects of hooks.
        live: the live objects.
        explainer: says why a hook failed.
    """

    writer: HookWriter
    live: LiveState
    explainer: Explainer


@dataclass(slots=True, kw_only=True)
class HookPass:
    """The hooks of one application in one reconcile.

    Attributes:
        tools: what it works with.
        application: whose hooks.
        inputs: what its sync is about.
        revision: of which commit.
        contested: objects that another application holds.
        record: what is known.
        written: the record in the cluster.
        now: aware, UTC, whole seconds.
        synced: the application is known to be synced to the commit, or nothing is known since the start.
        starting: a rollout is about to start.
        waiting: what is waited for, in words.
        requeues: when to look again.
        changes: the plan changes something that is not drift.
    """

    tools: HookTools
    application: Application
    inputs: Inputs
    revision: Revision
    contested: Mapping[ObjectKey, AppKey]
    record: HookRecord
    written: HookRecord
    now: datetime
    synced: bool
    starting: bool = False
    waiting: str = ""
    requeues: list[Requeue] = field(default_factory=list)
    changes: bool = False

    @property
    def current(self) -> bool:
        """Whether the record is about what is declared now."""
        return self.record.content == self.inputs.content

    @property
    def under_way(self) -> bool:
        """Whether pre-sync hooks of what is declared have begun."""
        return self.current and self.inputs.has_hooks and self.record.phase is Phase.PRE_SYNC

    @property
    def settled(self) -> bool:
        """Whether no hook is left to run."""
        waits_for_approval = self.application.spec.sync.mode is SyncMode.MANUAL and not self.changes and not self.current
        return settled(self.record, self.inputs) or waits_for_approval

    @property
    def failed_after(self) -> str:
        """The hook after this sync that failed, and why; empty without one."""
        if not self.current or self.record.phase is not Phase.FAILED:
            return ""
        runs = (run for run in self.record.runs if run.moment is Moment.POST_SYNC and run.state is RunState.FAILED)
        return next((f"{run.moment.value} hook {run.key}: {run.message}" for run in runs), "")

    @property
    def problems(self) -> tuple[ObjectIssue, ...]:
        """The runs of this sync that failed."""
        failed = [run for run in self.record.runs if run.state is RunState.FAILED]
        failed.sort(key=lambda run: run.moment is Moment.SYNC_FAIL)
        return tuple(
            ObjectIssue(key=run.key, reason="HookFailed", message=f"{run.moment.value} hook: {run.message}") for run in failed
        )

    def rollouts_wait(self) -> str:
        """Why no rollout may start yet; empty when one may."""
        if not self.inputs.has_hooks or (self.current and self.record.phase not in (Phase.PRE_SYNC, Phase.FAILED)):
            return ""
        return (
            "its pre-sync hooks failed"
            if self.current and self.record.phase is Phase.FAILED
            else "its pre-sync hooks run first"
        )

    def hold(self, plan: Plan, runnable: Plan) -> Plan:
        """What may be applied while hooks have their turn, before any request."""
        self.changes = any(not action.drift and action.reason != REMARKED for action in plan.changes())
        self.record, self.waiting = superseded(self.record, self.inputs, self.view())
        if self.waiting or (self.current and self.record.phase in (Phase.PRE_SYNC, Phase.FAILED)):
            return self._only(runnable)
        return runnable

    def run(self, plan: Plan, runnable: Plan, refusals: Mapping[ObjectKey, AgentError], *, allowed: bool) -> Plan:
        """Begins the sync and runs hooks; returns what may be applied.

        Args:
            plan: all of the plan.
            runnable: what of it is allowed.
            refusals: what the dry run refused.
            allowed: new content may be applied: no pause, no older commit, no approval to wait for.
        """
        if self.waiting:
            return runnable
        if not self.current or not self.inputs.has_hooks:
            if not self.inputs.has_hooks or self._may_begin(plan, refusals, allowed=allowed):
                changes = self.changes or self.starting
                self.record = begun(self.record, self.inputs, changes=changes, synced=self.synced, now=self.now)
            else:
                return self._only(runnable)
        elif allowed:
            self.record = begun(self.record, self.inputs, changes=True, synced=False, now=self.now)
        if not self.inputs.has_hooks:
            return runnable
        early = [action for action in runnable.writes if self._is_early(action)] if not self._is_applied else []
        if early and self.record.phase is Phase.PRE_SYNC:
            self.waiting = f"waits for {named(early[0].key)}, which its pre-sync hooks need"
            return self._only(runnable)
        if not allowed:
            return runnable
        waves = wave_progress(plan, self.tools.live.of(self.application.key))
        taken = self._turns(Progress(waves=waves))
        if not taken.open:
            return self._only(runnable)
        if taken.limit is None:
            return runnable
        late = behind(runnable, taken.limit)
        return only(runnable, lambda action: action.key not in late, f"waits for the sync hooks of wave {taken.limit}")

    def finish(self, *, complete: bool, failing: bool, unhealthy: bool) -> None:
        """Runs the hooks whose turn comes with the result of the apply.

        Args:
            complete: everything is applied and healthy, and no rollout is under way.
            failing: an object is refused for good, or a rollout failed.
            unhealthy: an object is not healthy, which is a failure once the timeout is over.
        """
        if not self.current or not self.inputs.has_hooks or self.waiting:
            return
        if self.record.phase not in (Phase.SYNC, Phase.POST_SYNC):
            return
        late = self._deadline()
        overdue = unhealthy and late is not None and self.now >= late
        if unhealthy and late is not None and self.now < late and self._has(Moment.SYNC_FAIL):
            self.requeues.append(Requeue(reason="its sync has failed by then", at=late))
        if complete or failing or overdue:
            self._turns(Progress(waves=_NOTHING, complete=complete, failing=failing or overdue), after=True)

    @property
    def _is_applied(self) -> bool:
        return self.record.phase not in (Phase.NONE, Phase.PRE_SYNC)

    def _has(self, moment: Moment) -> bool:
        return any((self.record.operation, moment) in hook.times for hook in self.inputs.hooks)

    def _deadline(self) -> datetime | None:
        """When an application that is not healthy has failed its sync."""
        ends = [run.ended for run in self.record.runs if run.ended is not None and run.moment is Moment.PRE_SYNC]
        begin = max([*ends, *([self.record.since] if self.record.since else [])], default=None)
        return None if begin is None else begin + self._timeout

    @property
    def _timeout(self) -> timedelta:
        return self.application.spec.sync.timeout

    def _may_begin(self, plan: Plan, refusals: Mapping[ObjectKey, AgentError], *, allowed: bool) -> bool:
        """Whether a sync may begin: a plan is neither held nor refused."""
        sync = self.application.spec.sync
        final = [error for error in refusals.values() if error.reason not in PREREQUISITES]
        if not allowed or plan.verdict.held or (final and sync.error_policy is ErrorPolicy.ATOMIC):
            return False
        return sync.mode is not SyncMode.OBSERVE and (sync.mode is not SyncMode.MANUAL or plan.granted)

    def _only(self, runnable: Plan) -> Plan:
        early = self.record.phase is Phase.PRE_SYNC and not self.waiting.endswith("earlier commit")
        return only(runnable, lambda action: action.drift or action.rollout or (early and self._is_early(action)), _HELD)

    def _is_early(self, action: Action) -> bool:
        """Whether hooks need it: their Namespace, or the CRD of their kind."""
        if action.manifest is None:
            return False
        if action.key.group_kind == NAMESPACE:
            return any(hook.key.namespace == action.key.name for hook in self.inputs.hooks)
        if action.key.group_kind != CRD:
            return False
        spec = action.manifest.obj.get("spec") or {}
        kind = (spec.get("group"), (spec.get("names") or {}).get("kind"))
        return any((hook.key.group, hook.key.kind) == kind for hook in self.inputs.hooks)

    def view(self) -> View:
        """What is true now."""
        live = dict(self.tools.live.of(self.application.key))
        for key in (*(hook.key for hook in self.inputs.hooks), *(run.key for run in self.record.runs)):
            obj = self.tools.live.get(key)
            if obj is not None:
                live[key] = obj
        return View(
            application=self.application.key,
            live=live,
            written=self.written,
            now=self.now,
            timeout=self._timeout,
            blind=self.tools.live.cannot_see.keys(),
            contested=self.contested,
        )

    def _turns(self, progress: Progress, *, after: bool = False) -> Turn:
        """Takes turns until nothing is to be written now."""
        taken = Turn(record=self.record)
        for _ in range(_TURNS * (len(self.inputs.hooks) + 1)):
            view = self.view()
            taken = turn(self.record, self.inputs, view, progress)
            if after and taken.record.phase is Phase.SYNC and not progress.complete and not progress.failing:
                break
            self.record = self.explained(taken.record)
            if taken.move is None or taken.move.command is None or not self.execute(taken.move, taken.moment, view):
                break
        self.wait(taken.waiting, taken.until)
        return taken

    def wait(self, waiting: str, until: datetime | None) -> None:
        """Notes a wait, and when it ends at the latest."""
        self.waiting = self.waiting or waiting
        if until is not None:
            self.requeues.append(Requeue(reason="a hook may have taken too long", at=until, priority=Priority.COMMIT))

    def execute(self, move: Move, moment: Moment, view: View) -> bool:
        """Writes what a move names; false when the next one waits."""
        hook = move.hook
        if hook is None:
            return False
        live = view.live.get(hook.key)
        try:
            if move.command is Command.APPLY:
                begun_object = self.tools.writer.apply(self.application, hook, move.id, self.revision)
                if begun_object is None:
                    self.waiting = f"waits for an earlier {named(hook.key)} of no application to be gone"
                    self.requeues.append(Requeue(reason="an earlier hook may be gone", delay=_IN_THE_WAY_SECONDS))
                    return False
                _log.info("hook started", hook=str(hook.key), moment=moment.value, run=move.id[:12])
                self.record = applied(move, moment, begun_object.uid, view)
            elif live is not None and move.command is Command.RELEASE:
                self.tools.writer.release(self.application, live)
            elif live is not None:
                self.tools.writer.delete(self.application, hook.key, live.uid)
        except AgentError as error:
            if error.transient or isinstance(error, Conflict) or error.reason in PREREQUISITES:
                self.waiting = f"waits to {move.command} {moment.value} {named(hook.key)}: {error}"
                self.requeues.append(Requeue(reason="a hook is tried again", backoff=True))
                return False
            self.record = refused(move, moment, str(error), view)
        return True

    def explained(self, after: HookRecord) -> HookRecord:
        """The record, with the cause of each failure that is new."""
        for run in after.runs:
            if run.state is not RunState.FAILED or not run.uid or self.record.run(run.key, run.moment) == run:
                continue
            _log.warning("hook failed", hook=str(run.key), moment=run.moment.value, why=run.message)
            try:
                explanation = self.tools.explainer.explain(run.key)
            except AgentError:
                continue
            if explanation is not None:
                after = after.with_run(replace(run, message=f"{run.message}: {explanation.message}"))
        return after


def whole_seconds(now: datetime) -> datetime:
    """The moment as a status can keep it."""
    return now.astimezone(UTC).replace(microsecond=0)
