"""Reconciles one Application: from its key on the queue to its status.

resolve → render → compose → plan → guard → preflight → execute → observe (`sync_pass.py`), or one step of a deletion; then the
outcome is published and its requeues are performed. A reconcile does what can be done now and returns: no step waits for
health, a CRD, a timer, a render or an approval. Whatever ends a wait (a watch event, a finished render, the clock, a user)
puts the key back on the queue, and the next reconcile starts from the top with what is then true.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from structlog.contextvars import bound_contextvars

from gitops_agent.agent.desired.unaffected_applications import UnaffectedApplications
from gitops_agent.agent.reconcile import revision_tracing
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.hook_stage import NO_REVISION, written
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, Requeue, SyncStatus
from gitops_agent.agent.reconcile.outcome_builder import (
    Findings,
    retry_after,
    rollout_requeue,
)
from gitops_agent.agent.reconcile.steady_state import at_rest
from gitops_agent.agent.reconcile.sync_pass import Stages, SyncPass
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.api.application import Application, DeletionPolicy
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import FINALIZER
from gitops_agent.observe import metrics
from gitops_agent.observe.deployments import DEPLOYMENTS
from gitops_agent.observe.log import logger
from gitops_agent.sync.planning.unlistable_objects import record
from gitops_agent.telemetry.traces import TRACES

_log = logger("agent")
_TRANSIENT_SECONDS = 30.0
"""An error that may pass by itself is published when it has ended every reconcile for so long."""


class ApplicationReconciler:
    """Reconciler of Applications, run by the application workers.

    Args:
        stages: what a reconcile goes through.
        stores: what is known of the cluster.
        queue: of applications.
        scheduler: requeues at dates.
        unaffected: are the Applications at rest.
    """

    def __init__(
        self, stages: Stages, stores: Stores, queue: WorkQueue[AppKey], scheduler: Scheduler, unaffected: UnaffectedApplications
    ) -> None:
        self._stages, self._stores, self._queue, self._scheduler = stages, stores, queue, scheduler
        self._unaffected = unaffected
        self._states: dict[AppKey, ApplicationState] = {}
        self._sync = SyncPass(stages, stores, self._states, unaffected)
        metrics.QUEUE_DEPTH.labels("applications").set_function(queue.depth)  # counted when it is scraped

    def reconcile(self, item: Item[AppKey]) -> None:
        """Brings one application one step closer to its D(t)."""
        started = time.monotonic()
        with bound_contextvars(application=str(item.key)):
            result = self._reconcile(item)
            metrics.RECONCILES.labels(str(item.key), result).inc()
            metrics.RECENT_RECONCILES.add()
            metrics.RECONCILE_SECONDS.observe(time.monotonic() - started)
            metrics.QUEUE_SECONDS.labels("applications").observe(item.waited)

    def state(self, application: AppKey) -> ApplicationState:
        """State of an application, created on first use."""
        return self._states.setdefault(application, ApplicationState())

    def _reconcile(self, item: Item[AppKey]) -> str:
        """One reconcile, from Application to status; the result is for metrics."""
        key, started = item.key, time.monotonic()
        self._unaffected.rouse(key)  # before anything is read that it decides on
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
            outcome = self._departure(application, state) if application.deleting else self._sync.run(findings, state)
        except AgentError as error:
            return self._failed(findings, state, error)
        finally:
            for other, requeue in findings.requeues:
                self._requeue(other, (requeue,))
        if outcome is None:
            return "departed"
        recorded = written(state)
        try:
            published = self._publish(application.raw, state, outcome, generation=application.generation)
        except AgentError as error:
            self._retry(findings, error)
            return "failed"
        self._requeue(key, self._stages.hooks.clean(application, state, recorded))
        state.failing_since = None
        self._wake_dependants(key, outcome)
        if published and at_rest(application, outcome, state):
            self._unaffected.rest(application, outcome.applied)
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

    def _publish(self, raw: Object, state: ApplicationState, outcome: ReconcileOutcome, *, generation: int) -> bool:
        """Performs the requeues of an outcome, then publishes it.

        False when its status was put off.

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
        revision_tracing.stands(raw, outcome)
        if delay is not None:
            self._requeue(key, (Requeue(reason="a status was put off", delay=delay),))
        return delay is None

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
        self._unaffected.forget(key)
        self._stores.prerequisites.expect(key, ())
        self._stores.informer.forget(key)
        self._stages.loader.forget(key)
        self._stages.rollback.forget(key)
        self._stages.rollouts.forget(key)
        self._stages.status.forget(key)
        self._queue.forget(key)
        metrics.forget_application(str(key))
        DEPLOYMENTS.forget(key.namespace, key.name)
        TRACES.forget(str(key))
