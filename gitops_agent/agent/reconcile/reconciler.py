"""Reconciles one Application: the order of the stages, and nothing else.

resolve → render → compose → plan → guard → preflight → execute → observe. A reconcile does what can be done now and returns: no
step waits for health, a CRD, a timer, a render or an approval. Whatever ends a wait (a watch event, a finished render, the
clock, a user) puts the key back on the queue, and the next reconcile starts from the top with what is then true.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from structlog.contextvars import bound_contextvars

from gitops_agent.agent.desired.declared_state import DeclaredState, DeclaredStateLoader
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.reconcile.automatic_rollback import AutomaticRollback
from gitops_agent.agent.reconcile.dependencies import Dependency, circle, unmet
from gitops_agent.agent.reconcile.finalizer import Finalizer
from gitops_agent.agent.reconcile.health_assessor import HealthAssessor, HealthReport
from gitops_agent.agent.reconcile.hook_stage import NO_REVISION, HookStage, written
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, Requeue, SyncStatus
from gitops_agent.agent.reconcile.outcome_builder import (
    Findings,
    build_outcome,
    is_complete,
    is_failing,
    is_unhealthy,
    merge,
    retry_after,
    rollout_requeue,
)
from gitops_agent.agent.reconcile.status_writer import StatusWriter
from gitops_agent.agent.rollouts.controller import RolloutController
from gitops_agent.agent.rollouts.rollout_pass import RolloutRequest
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.api.application import Application, DeletionPolicy
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.api.sync_options import SyncMode, Window
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import FINALIZER, REQUESTED
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.rollout.state import Phase
from gitops_agent.sync.planning.hidden import record

_log = logger("agent")
_TRANSIENT_SECONDS = 30.0
"""An error that may pass by itself is published when it has ended every reconcile for so long."""
_UNCLAIMED = "the first list of the kinds it declares"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages of a reconcile, in their order.

    Attributes:
        finalizer: deletes an Application under deletion.
        loader: loads what the newest commit declares.
        rollback: replaces a commit whose objects became Degraded.
        rollouts: advances rollouts, and composes D(t).
        applier: applies D(t) to the cluster.
        hooks: runs what is to run before, with and after an apply.
        health: assesses the live objects.
        status: publishes the outcome.
    """

    finalizer: Finalizer
    loader: DeclaredStateLoader
    rollback: AutomaticRollback
    rollouts: RolloutController
    applier: Applier
    hooks: HookStage
    health: HealthAssessor
    status: StatusWriter


class ApplicationReconciler:
    """Reconciler of Applications, run by the application workers.

    Args:
        stages: what a reconcile goes through.
        stores: what is known of the cluster.
        queue: of applications.
        scheduler: requeues at dates.
    """

    def __init__(self, stages: Stages, stores: Stores, queue: WorkQueue[AppKey], scheduler: Scheduler) -> None:
        self._stages, self._stores, self._queue, self._scheduler = stages, stores, queue, scheduler
        self._states: dict[AppKey, ApplicationState] = {}

    def reconcile(self, item: Item[AppKey]) -> None:
        """Brings one application one step closer to its D(t)."""
        started = time.monotonic()
        with bound_contextvars(application=str(item.key)):
            result = self._reconcile(item)
            metrics.RECONCILES.labels(str(item.key), result).inc()
            metrics.RECONCILE_SECONDS.observe(time.monotonic() - started)
            metrics.QUEUE_SECONDS.labels("applications").observe(item.waited)
            metrics.QUEUE_DEPTH.labels("applications").set(self._queue.depth())

    def state(self, application: AppKey) -> ApplicationState:
        """State of an application, created on first use."""
        return self._states.setdefault(application, ApplicationState())

    def _reconcile(self, item: Item[AppKey]) -> str:
        """One reconcile, from Application to status; the result is for metrics."""
        key, started = item.key, time.monotonic()
        raw = self._stores.applications.raw(key)
        if raw is None:
            self._forget(key)
            return "gone"
        state = self.state(key)
        if state.status.uid not in ("", raw["metadata"]["uid"]):
            # Deleted and created anew: what is remembered is about another one of this name.
            self._states.pop(key)
            state = self.state(key)
        state.restore(raw)
        try:
            application = self._stores.applications.get(key)
        except SpecInvalid as error:
            return self._stalled(raw, state, error)
        if application is None:
            return "gone"
        findings = Findings(application=application, now=datetime.now(UTC), suspended=False)
        try:
            outcome = self._departure(application, state) if application.deleting else self._stage(findings, state)
        except AgentError as error:
            return self._failed(findings, state, error)
        if outcome is None:
            return "departed"
        recorded = written(state)
        try:
            self._publish(application.raw, state, outcome, generation=application.generation)
        except AgentError as error:
            self._retry(findings, error)
            return "failed"
        self._requeue(key, self._stages.hooks.clean(application, state, recorded))
        state.failing_since = None
        self._wake_dependants(key, outcome)
        _log.info(
            "reconciled",
            why=list(item.reasons),
            waited=round(item.waited, 3),
            seconds=round(time.monotonic() - started, 3),
            commit=outcome.revision.short if outcome.revision else None,
            sync=outcome.sync.value,
            health=outcome.health.status.value if outcome.health else None,
            plan=outcome.plan[:12],
            objects=outcome.total,
            held=outcome.held or None,
            waiting=outcome.waiting or None,
            error=outcome.error,
        )
        return "ok" if outcome.error is None else "failed"

    def _failed(self, findings: Findings, state: ApplicationState, error: AgentError) -> str:
        """Retries, and publishes the error that ended a reconcile.

        One that may pass by itself is published only when it lasts.
        """
        self._retry(findings, error)
        application, now = findings.application, time.monotonic()
        state.failing_since = now if state.failing_since is None else state.failing_since
        if error.transient and now - state.failing_since < _TRANSIENT_SECONDS:
            return "failed"
        views = findings.rollouts.views if findings.rollouts else ()
        outcome = ReconcileOutcome(error=error, applied=state.last_applied, rollouts=views, stalled=not error.transient)
        try:
            self._publish(application.raw, state, outcome, generation=application.generation)
        except AgentError as problem:
            _log.warning("the status could not be written", error=problem)
        return "failed"

    def _retry(self, findings: Findings, error: AgentError) -> None:
        _log.warning("reconcile failed", error=error)
        self._requeue(findings.application.key, (*rollout_requeue(findings.rollouts), retry_after(error)))

    def _departure(self, application: Application, state: ApplicationState) -> ReconcileOutcome | None:
        """One step of a deletion; None once the finalizer is removed."""
        unknown = self._know_hooks(application, state)
        if unknown is not None:
            return unknown
        self._stages.loader.release(application.key)
        return self._stages.finalizer.depart(application, state)

    def _know_hooks(self, application: Application, state: ApplicationState) -> ReconcileOutcome | None:
        """Loads the hooks of a deletion; the outcome while they are unknown."""
        orphan = application.spec.deletion_policy is DeletionPolicy.ORPHAN
        if orphan or FINALIZER not in application.finalizers or not state.hooks.deletion or state.hook_inputs is not None:
            return None
        declared = self._stages.loader.load(application)
        if self._stages.hooks.open(application, declared, state) is not None:
            return None
        waiting = declared.pending or "its hooks, which run before its objects are deleted"
        return ReconcileOutcome(
            revision=NO_REVISION, sync=SyncStatus.OUT_OF_SYNC, waiting=waiting, error=declared.error, actor="deletion"
        )

    def _stage(self, findings: Findings, state: ApplicationState) -> ReconcileOutcome:
        """One pass over the stages, as far as they come now."""
        application = findings.application
        findings.suspended = application.suspended(findings.now)
        if not findings.suspended:
            self._stages.finalizer.guard(application)
            findings.closed = state.windows.closed(_windows(application), findings.now)
        newest = self._load(findings, state)
        declared = self._stages.rollback.replaced(application, newest, state)
        if declared.revision is not None:
            replacement = state.rollback.replacement
            state.follow(replacement.commit if replacement else declared.revision.commit, findings.now)
        findings.hooks = self._stages.hooks.open(application, declared, state)
        self._admit(findings, state)
        declared = self._advance_rollouts(findings, declared, state)
        if state.desired is not None:
            findings.waiting = self._blocked(application, state) or ("" if declared.claimed else _UNCLAIMED)
            if not findings.waiting:
                self._apply(findings, declared, state)
                self._remember(findings, state)
            findings.health = self._assess(application, state)
            self._finish_hooks(findings, state)
        self._judge(findings, newest, state)
        outcome = build_outcome(findings, declared, state)
        state.applied, state.waiting = outcome.applied, outcome.waiting
        return outcome

    def _judge(self, findings: Findings, newest: DeclaredState, state: ApplicationState) -> None:
        """Judges the newest commit; wakes the group of a rejected one."""
        application, held = findings.application, state.rollback.held
        delay = self._stages.rollback.judge(findings, newest, state)
        if delay is not None:
            self._requeue(application.key, (Requeue(reason="its newest commit is judged", delay=delay),))
        if state.rollback.held and not held:
            for other in self._stages.rollback.group(application):
                self._requeue(other, (Requeue(reason=f"{application.key.name} rejected a commit", priority=Priority.COMMIT),))

    def _load(self, findings: Findings, state: ApplicationState) -> DeclaredState:
        """Loads the newest commit's state, and starts a requested (`sync`) poll.

        The request of a user may let the commit through a closed window.
        """
        application, loader = findings.application, self._stages.loader
        key = application.key
        # Checked before the commit is resolved, so that an answered request includes what the poll fetched.
        answered = state.requested != state.answered and loader.refreshed(key, state.poll)
        declared = loader.load(application)
        if answered:
            state.answered = state.requested
            if findings.closed is not None and findings.closed.manual and declared.revision is not None:
                state.windows.admitted = declared.revision.commit
        requested = application.annotations.get(REQUESTED, "")
        if requested and requested not in (state.requested, state.answered):
            state.requested = requested
            state.poll = loader.refresh(key, "asked for by a person")
        return declared

    def _admit(self, findings: Findings, state: ApplicationState) -> None:
        """Lets a commit under way through a closed window."""
        windows, live, healthy = state.windows, self._stores.live, state.rollback.replacement
        windows.admit_return(healthy.commit if healthy is not None else "")
        if findings.closed is not None and live.complete:
            windows.restore(state.target, state.last_applied, live.of(findings.application.key).values())
        begun = windows.admitted == state.target or (findings.hooks is not None and findings.hooks.under_way)
        if begun and state.target:
            windows.admitted, findings.closed = state.target, None

    def _remember(self, findings: Findings, state: ApplicationState) -> None:
        """Remembers the commit under way, until every object is applied."""
        applied, rollouts = findings.applied, findings.rollouts
        if applied is None:
            return
        if applied.synced and not (rollouts and any(view.open for view in rollouts.views)):
            state.windows.admitted = ""
        elif applied.begun or applied.passed:
            state.windows.admitted = state.target

    def _advance_rollouts(self, findings: Findings, declared: DeclaredState, state: ApplicationState) -> DeclaredState:
        """Makes one step of each rollout, and D(t).

        A run starts only when the plan of its whole commit is not held.
        """
        application = findings.application
        frozen = findings.suspended or application.spec.sync.mode is SyncMode.OBSERVE
        closed = findings.closed
        request = RolloutRequest(
            application=application,
            head=declared.desired,
            last=state.declared,
            frozen=frozen,
            closed=closed is not None,
        )
        prepared = self._stages.rollouts.prepare(request)
        state.declared = prepared.accepted
        commit = prepared.wants_to_start
        shut = closed is not None
        preview = self._stages.applier.preview(application, commit, state.plans, closed=shut) if commit else None
        held = preview.verdict.message if preview is not None and preview.verdict.held else ""
        granted = preview is not None and preview.granted
        findings.gated = closed is not None and commit is not None and not held and not granted
        if closed is not None and granted:
            state.windows.admitted, findings.closed = state.target, None
        state.plans.preview = preview if held or findings.gated else None
        waits = ""
        if findings.hooks is not None:
            findings.hooks.starting = commit is not None
            waits = findings.hooks.rollouts_wait()
        findings.rollouts = self._stages.rollouts.advance(prepared, held=str(closed) if findings.gated else held, waits=waits)
        if findings.gated:
            findings.rollouts = replace(findings.rollouts, held="")
        if findings.rollouts.desired is not None:
            state.desired = findings.rollouts.desired
        return merge(declared, findings.rollouts)

    def _blocked(self, application: Application, state: ApplicationState) -> str:
        """The first list or dependency a plan waits for; empty without one."""
        kinds = state.desired.kinds if state.desired else set()
        pending = self._stores.informer.ensure(kinds | state.plans.recorded.keys(), application.key)
        if pending:
            return f"the first list of {', '.join(str(kind) for kind in pending)}"
        self._stores.informer.complete(application.key)
        if not application.spec.depends_on or state.rollback.held:  # what is applied again was healthy with them
            return ""
        every = self._stores.applications.keys()
        others = {key.name for key in every if key.namespace == application.key.namespace and key != application.key}
        waiting = unmet(application, state.target, self._dependencies(application), others)
        ring = circle(application.key.name, self._stores.applications.needs(application.key.namespace)) if waiting else ()
        return f"{waiting}; they wait for each other in a circle: {' → '.join(ring)}" if ring else waiting

    def _dependencies(self, application: Application) -> dict[str, Dependency]:
        """The Applications it depends on, as far as they exist."""
        dependencies = {}
        for name in (dependency.name for dependency in application.spec.depends_on):
            key = AppKey(application.key.namespace, name)
            raw, state = self._stores.applications.raw(key), self._states.get(key)
            if raw is not None:
                written = state.status.written if state is not None else None
                dependencies[name] = Dependency(
                    source=(raw.get("spec") or {}).get("source") or {},
                    status=(written if written is not None else raw.get("status")) or {},
                    applied=state.applied if state is not None else "",
                )
        return dependencies

    def _apply(self, findings: Findings, declared: DeclaredState, state: ApplicationState) -> None:
        application, rollouts = findings.application, findings.rollouts
        if state.desired is None:
            return
        findings.applied = self._stages.applier.apply(
            application,
            state.desired,
            state.plans,
            suspended=findings.suspended,
            current=declared.desired is not None,
            rolling=rollouts is not None and any(view.running for view in rollouts.views),
            closed=str(findings.closed or ""),
            moving=rollouts is not None and any(view.running and view.phase != Phase.PENDING for view in rollouts.views),
            hooks=findings.hooks,
        )
        self._stores.prerequisites.expect(application.key, findings.applied.awaited)

    def _assess(self, application: Application, state: ApplicationState) -> HealthReport | None:
        if state.desired is None:
            return None
        live = self._stores.live.snapshot(application.key, [manifest.key for manifest in state.desired.manifests]).objects
        timeout = application.spec.sync.timeout.total_seconds()
        return self._stages.health.assess(state.desired, live, state.health, timeout=timeout)

    def _finish_hooks(self, findings: Findings, state: ApplicationState) -> None:
        """Runs hooks whose turn comes with the result, and keeps the record."""
        hooks = findings.hooks
        if hooks is None:
            return
        if findings.applied is not None and not findings.suspended:
            hooks.finish(complete=is_complete(findings), failing=is_failing(findings), unhealthy=is_unhealthy(findings))
        state.hooks = hooks.record

    def _publish(self, raw: Object, state: ApplicationState, outcome: ReconcileOutcome, *, generation: int) -> None:
        """Performs the requeues of an outcome, then publishes it.

        Raises:
            AgentError: the API server refused the status.
        """
        key = AppKey(raw["metadata"]["namespace"], raw["metadata"]["name"])
        if outcome.recovered:
            self._queue.succeeded(key)
        self._requeue(key, outcome.requeue)
        live, plans = self._stores.live, state.plans
        plans.recorded = record(plans.recorded, live.of(key), cannot_see=live.cannot_see, complete=live.complete)
        outcome = replace(outcome, answered=state.answered, approval=plans.approval, approved=plans.approved)
        deletions = self._stages.applier.deletions(key)
        outcome = replace(outcome, kinds=plans.recorded, over_budget=plans.over_budget, deletions=deletions)
        delay = self._stages.status.publish(raw, state.status, outcome, generation=generation)
        if delay is not None:
            self._requeue(key, (Requeue(reason="a status was put off", delay=delay),))

    def _requeue(self, key: AppKey, requeues: Iterable[Requeue]) -> None:
        for requeue in requeues:
            if requeue.backoff:
                delay = self._queue.retry(key, requeue.reason, after=requeue.delay)
                _log.info("retry", reason=requeue.reason, seconds=round(delay, 2))
            elif requeue.at is not None:
                add = partial(self._queue.add, key, requeue.reason, requeue.priority)
                self._scheduler.at(f"{requeue.reason}: {key}", requeue.at, add)
            else:
                self._queue.add(key, requeue.reason, requeue.priority, delay=requeue.delay)

    def _wake_dependants(self, key: AppKey, outcome: ReconcileOutcome) -> None:
        if outcome.sync is not SyncStatus.SYNCED:
            return
        for other in self._stores.applications.depending_on(key):
            state = self._states.get(other)
            if state is not None and state.waiting:
                self._requeue(other, (Requeue(reason=f"{key.name} is ready", priority=Priority.COMMIT),))

    def _stalled(self, raw: Object, state: ApplicationState, error: SpecInvalid) -> str:
        """Publishes why a spec cannot be followed; nothing else is done."""
        key = AppKey(raw["metadata"]["namespace"], raw["metadata"]["name"])
        self._stages.loader.stalled(key)
        generation = int(raw["metadata"].get("generation") or 0)
        try:
            outcome = ReconcileOutcome(error=error, applied=state.last_applied)
            self._publish(raw, state, outcome, generation=generation)
        except AgentError as problem:
            _log.warning("reconcile failed", error=problem)
            self._requeue(key, (Requeue(reason="the status could not be written", backoff=True),))
        _log.info("stalled", error=error)
        return "stalled"

    def _forget(self, key: AppKey) -> None:
        self._states.pop(key, None)
        self._stores.prerequisites.expect(key, ())
        self._stores.informer.forget(key)
        self._stages.loader.forget(key)
        self._stages.rollback.forget(key)
        self._stages.rollouts.forget(key)
        self._queue.forget(key)
        metrics.forget_application(str(key))


def _windows(application: Application) -> tuple[Window, ...]:
    """Its windows; none where nothing is ever changed."""
    sync = application.spec.sync
    return () if sync.mode is SyncMode.OBSERVE else sync.windows
