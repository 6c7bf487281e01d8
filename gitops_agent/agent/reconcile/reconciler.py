"""The order of the stages, and nothing else.

resolve → render → compose → plan → guard → preflight → execute → observe. A reconcile does what can be done now and returns: no
step waits for health, a CRD, a timer, a render or an approval. Whatever ends a wait (a watch event, a finished render, the
clock, a person) puts the key back on the queue, and the next reconcile starts from the top with what is then true.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from gitops_agent.agent.desired.declared_state import DeclaredState, DeclaredStateLoader
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.applier import Applier, ApplyResult
from gitops_agent.agent.reconcile.finalizer import Finalizer
from gitops_agent.agent.reconcile.health_assessor import HealthAssessor
from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.status_writer import StatusWriter
from gitops_agent.agent.rollouts.controller import RolloutController, RolloutResult
from gitops_agent.agent.rollouts.loader import RolloutRequest
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.stores.live_objects import LiveObjectInformer
from gitops_agent.agent.stores.prerequisites import PrerequisiteWatcher
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.api.application import Application
from gitops_agent.api.conditions import find_condition
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.api.sync_options import SyncMode
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import REQUESTED
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health.status import UNHEALTHY
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.policy import Approval

_log = logger("agent")
_WAIT_BACKSTOP_SECONDS = 30.0
_PROVISIONAL_SECONDS = 2.0


class ApplicationReconciler:
    """See the module's text; `reconcile` is the handler of the application workers."""

    def __init__(
        self,
        *,
        applications: ApplicationStore,
        declaring: DeclaredStateLoader,
        observing: LiveObjectInformer,
        arrivals: PrerequisiteWatcher,
        live: LiveState,
        enacting: Applier,
        departing: Finalizer,
        judging: HealthAssessor,
        publishing: StatusWriter,
        rollouts: RolloutController,
        queue: WorkQueue[AppKey],
        polling: SourcePoller,
        rendering: RenderPool,
        resume_at: Callable[[AppKey, datetime], None],
    ) -> None:
        self._applications, self._declaring, self._observing, self._live = applications, declaring, observing, live
        self._enacting, self._departing, self._judging = enacting, departing, judging
        self._arrivals, self._publishing, self._rollouts, self._queue = arrivals, publishing, rollouts, queue
        self._polling, self._rendering, self._resume_at = polling, rendering, resume_at
        self._memories: dict[AppKey, ApplicationState] = {}

    def reconcile(self, item: Item[AppKey]) -> None:
        """Brings one application one step closer to its D(t)."""
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(application=str(item.key)):
            result = self._turn(item)
            seconds = time.monotonic() - started
            metrics.RECONCILES.labels(str(item.key), result).inc()
            metrics.RECONCILE_SECONDS.observe(seconds)
            metrics.QUEUE_SECONDS.labels("applications").observe(item.waited)
            metrics.QUEUE_DEPTH.labels("applications").set(self._queue.depth())

    def _turn(self, item: Item[AppKey]) -> str:
        key = item.key
        raw = self._applications.raw(key)
        if raw is None:
            self._forget(key)
            return "gone"
        memory = self._memories.setdefault(key, ApplicationState())
        if memory.status is None:
            memory.status = raw.get("status") or {}
            memory.answered = str((memory.status.get("sync") or {}).get("answered") or "")
            memory.approval = Approval.from_json((memory.status.get("sync") or {}).get("approval") or {})
        started = time.monotonic()
        try:
            application = self._applications.get(key)
        except SpecInvalid as error:
            return self._stalled(raw, memory, error)
        if application is None:
            return "gone"
        try:
            view = self._step(application, memory)
            if view is None:
                return "departed"
            again = self._patience(view, memory, application.generation)
            if again is None:
                again = self._publishing.publish(raw, memory, view, generation=application.generation)
        except AgentError as error:
            delay = self._queue.retry(key, "retry after an error", after=getattr(error, "retry_after", None))
            _log.warning("reconcile failed", error=error, retry_seconds=round(delay, 2))
            return "failed"
        if again is not None:
            self._queue.add(key, "a status was put off", delay=again)
        self._wake_dependants(application, view)
        _log.info(
            "reconciled",
            why=list(item.reasons),
            waited=round(item.waited, 3),
            seconds=round(time.monotonic() - started, 3),
            commit=view.revision.short if view.revision else None,
            sync=view.sync.value,
            health=view.health.status.value if view.health else None,
            plan=view.plan[:12],
            objects=view.total,
            held=view.held or None,
            waiting=view.waiting or None,
            error=view.error,
        )
        return "ok" if view.error is None else "failed"

    @staticmethod
    def _patience(view: ReconcileOutcome, memory: ApplicationState, generation: int) -> float | None:
        """Seconds for which a status that only says "not yet" is put off; None when it should be written now.

        Most fetches and renders end within a second, and a status in the cluster that speaks of this very spec says more.
        """
        if not view.provisional:
            return None
        if (memory.status or {}).get("observedGeneration") == generation:
            return _PROVISIONAL_SECONDS
        waited = time.monotonic() - memory.seen
        return None if waited >= _PROVISIONAL_SECONDS else _PROVISIONAL_SECONDS - waited

    def _step(self, application: Application, memory: ApplicationState) -> ReconcileOutcome | None:
        """One pass over the stages; None when the application has left."""
        key = application.key
        if application.deleting:
            self._declaring.release(key)
            return self._departing.depart(application, memory)
        now = datetime.now(UTC)
        suspended = application.suspended(now)
        if not suspended:
            self._departing.guard(application)
        # Looked at before the commit is resolved, so that an answer always speaks of what the poll brought.
        read = memory.requested != memory.answered and self._polling.answered(key, memory.poll)
        declared = self._declaring.declare(application)
        if read:
            memory.answered = memory.requested
        self._hear(application, memory)
        if declared.desired is not None:
            memory.declared = declared.desired
        revision = declared.revision
        if revision is not None and revision.commit != memory.target:
            memory.target, memory.started = revision.commit, now
            memory.unhealthy_since = None
        declared, advanced = self._advance(application, memory, declared, frozen=suspended)
        desired = memory.desired
        if desired is None:
            return self._view(application, memory, declared, suspended=suspended, advanced=advanced)
        pending = self._observing.ensure({manifest.key.group_kind for manifest in desired.manifests}, key)
        if pending:
            waiting = f"the first list of {', '.join(str(kind) for kind in pending)}"
            return self._view(application, memory, declared, waiting=waiting, advanced=advanced)
        self._observing.complete(key)
        blocked = self._dependencies(application, memory.target)
        if blocked:
            return self._view(application, memory, declared, waiting=blocked, advanced=advanced)
        current = declared.desired is not None
        rolling = any(one.running for one in advanced.views)
        enacted = self._enacting.enact(application, desired, memory, suspended=suspended, current=current, rolling=rolling)
        self._arrivals.expect(key, enacted.awaited)
        if suspended and application.spec.suspend is not None and application.spec.suspend.until is not None:
            self._resume_at(key, application.spec.suspend.until)
        return self._view(application, memory, declared, enacted=enacted, suspended=suspended, advanced=advanced)

    def _advance(
        self, application: Application, memory: ApplicationState, declared: DeclaredState, *, frozen: bool
    ) -> tuple[DeclaredState, RolloutResult]:
        """One step of the application's rollouts; D(t) is remembered."""
        memory.preview = None

        def gate(desired: Desired) -> str:
            memory.preview = self._enacting.preview(application, desired, memory)
            return memory.preview.verdict.message if memory.preview is not None else ""

        observing = application.spec.sync.mode is SyncMode.OBSERVE
        advanced = self._rollouts.advance(
            RolloutRequest(
                application=application,
                head=declared.desired,
                last=memory.declared,
                frozen=frozen or observing,
                gate=gate,
            )
        )
        if advanced.desired is not None:
            memory.desired = advanced.desired
        elif declared.desired is not None:
            declared = replace(declared, desired=None, pending=declared.pending or advanced.pending)
        if advanced.error is not None:
            declared = replace(declared, desired=None, error=declared.error or advanced.error)
        if advanced.again is not None:
            self._queue.add(application.key, "its rollout goes on", delay=advanced.again)
        return declared, advanced

    def _view(
        self,
        application: Application,
        memory: ApplicationState,
        declared: DeclaredState,
        *,
        enacted: ApplyResult | None = None,
        waiting: str = "",
        suspended: bool = False,
        advanced: RolloutResult,
    ) -> ReconcileOutcome:
        key = application.key
        waiting = waiting or declared.pending or (enacted.waiting if enacted else "")
        desired = memory.desired
        error = declared.error or (enacted.error if enacted else None)
        problems: tuple[ObjectIssue, ...] = enacted.problems if enacted else ()
        health = None
        if desired is not None:
            live = self._live.snapshot(key, [manifest.key for manifest in desired.manifests]).objects
            timeout = application.spec.sync.timeout.total_seconds()
            health, unhealthy, again = self._judging.judge(desired, live, memory, timeout=timeout)
            seen = {problem.key for problem in problems}
            problems += tuple(problem for problem in unhealthy if problem.key not in seen)
            if again is not None and not suspended:
                self._queue.add(key, "health is looked at again", delay=again)
        # What a rollout holds back is not synced, though the cluster is what it should be at this moment.
        settled = not advanced.moved and not any(one.running or one.failed for one in advanced.views)
        at_target = enacted is not None and declared.desired is not None
        in_force = at_target and enacted is not None and enacted.synced and error is None
        synced = in_force and settled
        if synced and declared.revision is not None:
            memory.applied = declared.revision.commit
        elif not memory.applied:
            memory.applied = str(((memory.status or {}).get("sync") or {}).get("revision") or "")
        if enacted is not None and enacted.retry is not None:
            self._retry(application, enacted)
        elif in_force:
            self._queue.succeeded(key)
        if enacted is not None and enacted.again is not None:
            self._queue.add(key, "a fight may be over", delay=enacted.again)
        memory.waiting = waiting
        if waiting and not declared.pending:
            self._queue.add(key, "a wait is looked at again", delay=_WAIT_BACKSTOP_SECONDS)
        unavailable = declared.source.error
        return ReconcileOutcome(
            revision=declared.revision,
            unavailable_since=declared.source.since if unavailable is not None else None,
            source_error=unavailable,
            applied=memory.applied,
            plan=_plan_hash(memory),
            sync=_sync_status(desired, synced=synced, known=at_target or (enacted is not None)),
            error=error,
            held=advanced.held or (enacted.held if enacted else ""),
            waiting=waiting,
            rollouts=advanced.views,
            suspended=_suspension(application) if suspended else "",
            observing=application.spec.sync.mode is SyncMode.OBSERVE,
            health=health,
            problems=problems,
            total=len(desired.manifests) if desired else 0,
            left_out=len(desired.skipped) if desired else 0,
            warnings=desired.told if desired else (),
            synced=enacted.in_sync if enacted else 0,
            drifted=enacted.drifted if enacted else 0,
            unhealthy=sum(1 for problem in problems if problem.reason in UNHEALTHY),
            started=memory.started,
            provisional=enacted is None and error is None and unavailable is None,
        )

    def _retry(self, application: Application, enacted: ApplyResult) -> None:
        delay = self._queue.retry(application.key, "retry of what failed", after=enacted.retry)
        _log.info("objects failed", count=len(enacted.problems), retry_seconds=round(delay, 2))

    def _hear(self, application: Application, memory: ApplicationState) -> None:
        """A person's `sync`: poll now and try again what failed."""
        requested = application.annotations.get(REQUESTED, "")
        if requested and requested not in (memory.requested, memory.answered):
            memory.requested = requested
            self._rendering.retry(application.key)
            memory.poll = self._polling.ask(application.key, "asked for by a person")

    def _dependencies(self, application: Application, commit: str) -> str:
        """What of `dependsOn` is not ready, in words; empty when all is.

        An application that follows the same reference of the same repository must be ready at the same commit.
        """
        for dependency in application.spec.depends_on:
            other = self._applications.raw(AppKey(application.key.namespace, dependency.name))
            if other is None:
                return f"Application {dependency.name}, which does not exist"
            memory = self._memories.get(AppKey(application.key.namespace, dependency.name))
            status = (memory.status if memory and memory.status is not None else other.get("status")) or {}
            ready = find_condition(status.get("conditions"), "Ready") or {}
            if ready.get("status") != "True":
                return f"Application {dependency.name} to be ready ({ready.get('reason') or 'not reconciled yet'})"
            mine = (application.spec.source.repo_url, application.spec.source.ref)
            theirs = (other.get("spec") or {}).get("source") or {}
            same = theirs.get("repoURL") == mine[0] and theirs.get("ref") == mine[1].model_dump(
                exclude_none=True, by_alias=True
            )
            applied = memory.applied if memory and memory.applied else (status.get("sync") or {}).get("revision")
            if same and applied != commit:
                return f"Application {dependency.name} to be synced to {commit[:12]}"
        return ""

    def _wake_dependants(self, application: Application, view: ReconcileOutcome) -> None:
        if view.sync is not SyncStatus.SYNCED:
            return
        for other in self._applications.depending_on(application.key):
            memory = self._memories.get(other)
            if memory is not None and memory.waiting:
                self._queue.add(other, f"{application.key.name} is ready", priority=Priority.COMMIT)

    def _stalled(self, raw: Object, memory: ApplicationState, error: SpecInvalid) -> str:
        self._declaring.stalled(AppKey(raw["metadata"]["namespace"], raw["metadata"]["name"]))
        try:
            generation = int(raw["metadata"].get("generation") or 0)
            view = ReconcileOutcome(error=error, applied=str(((memory.status or {}).get("sync") or {}).get("revision") or ""))
            self._publishing.publish(raw, memory, view, generation=generation)
        except AgentError as problem:
            self._queue.retry(AppKey(raw["metadata"]["namespace"], raw["metadata"]["name"]), "the status could not be written")
            _log.warning("reconcile failed", error=problem)
        _log.info("stalled", error=error)
        return "stalled"

    def _forget(self, key: AppKey) -> None:
        self._memories.pop(key, None)
        self._arrivals.expect(key, ())
        self._declaring.forget(key)
        self._rollouts.forget(key)
        self._queue.forget(key)
        metrics.forget_application(str(key))


def _sync_status(desired: Desired | None, *, synced: bool, known: bool) -> SyncStatus:
    if desired is None or not known:
        return SyncStatus.UNKNOWN
    return SyncStatus.SYNCED if synced else SyncStatus.OUT_OF_SYNC


def _plan_hash(memory: ApplicationState) -> str:
    """The plan people look at and approve: that of the commit, where its rollout waits for approval."""
    shown = memory.preview or memory.plan
    return shown.hash if shown else ""


def _suspension(application: Application) -> str:
    suspend = application.spec.suspend
    if suspend is None:
        return ""
    until = f"until {suspend.until:%Y-%m-%dT%H:%M:%SZ}" if suspend.until else "until it is resumed"
    return f"paused {until}{f': {suspend.reason}' if suspend.reason else ''}"
