"""The stages of a sync, each run once and in order.

load → admit → advance rollouts → wait for lists and dependencies → apply → assess → finish hooks → judge. A stage
does what can be done now and fills in `Findings`; what it cannot do yet stands there as a state, never as a wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitops_agent.agent.desired.declared_state import DeclaredState, DeclaredStateLoader
from gitops_agent.agent.desired.unaffected_applications import UnaffectedApplications
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.reconcile.automatic_rollback import AutomaticRollback
from gitops_agent.agent.reconcile.dependencies import Dependency, circle, unmet
from gitops_agent.agent.reconcile.finalizer import Finalizer
from gitops_agent.agent.reconcile.health_assessor import HealthAssessor, HealthReport
from gitops_agent.agent.reconcile.hook_stage import HookStage
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, Requeue
from gitops_agent.agent.reconcile.outcome_builder import (
    Findings,
    build_outcome,
    is_complete,
    is_failing,
    is_unhealthy,
    merge,
)
from gitops_agent.agent.reconcile.republication_status import note_acceptance
from gitops_agent.agent.reconcile.status_writer import StatusWriter
from gitops_agent.agent.rollouts.controller import RolloutController
from gitops_agent.agent.rollouts.rollout_pass import RolloutRequest
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.sync_options import SyncMode, Window
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.marks import REQUESTED
from gitops_agent.rollout.state import Phase

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


class SyncPass:
    """Runs the stages for an Application that is not being deleted.

    Args:
        stages: which it runs.
        stores: what is known of the cluster.
        states: of all Applications, for those that others depend on; only read.
        unaffected: know the commits that those took over without a reconcile.
    """

    def __init__(
        self, stages: Stages, stores: Stores, states: Mapping[AppKey, ApplicationState], unaffected: UnaffectedApplications
    ) -> None:
        self._stages, self._stores, self._states, self._unaffected = stages, stores, states, unaffected

    def run(self, findings: Findings, state: ApplicationState) -> ReconcileOutcome:
        """One pass over the stages, as far as they come now.

        Raises:
            AgentError: a stage failed; `findings` has the results of those before it.
        """
        application = findings.application
        findings.suspended = application.suspended(findings.now)
        if not findings.suspended:
            self._stages.finalizer.guard(application)
            findings.closed = state.windows.closed(_windows(application), findings.now)
        newest = self._load(findings, state)
        declared = self._stages.rollback.replaced(application, newest, state)
        if not state.rollback.held:
            for other in self._stages.rollback.followers(application):
                findings.requeue(other, Requeue(reason=f"{application.key.name} tries again", priority=Priority.COMMIT))
        if declared.revision is not None:
            replacement = state.rollback.replacement
            state.follow(replacement.commit if replacement else declared.revision.commit, findings.now)
            note_acceptance(application, declared.revision, state.status.written or {}, state.plans)
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
            findings.requeue(application.key, Requeue(reason="its newest commit is judged", delay=delay))
        if state.rollback.held and not held:
            for other in self._stages.rollback.group(application):
                findings.requeue(other, Requeue(reason=f"{application.key.name} rejected a commit", priority=Priority.COMMIT))

    def _load(self, findings: Findings, state: ApplicationState) -> DeclaredState:
        """Loads the newest commit's state, and starts a requested (`sync`) poll.

        The request of a user may let the commit through a closed window.
        """
        application, loader = findings.application, self._stages.loader
        key = application.key
        # Checked before the commit is resolved, so that an answered request includes what the poll fetched.
        answered = state.requested != state.answered and loader.refreshed(key, state.poll)
        declared = loader.load(application)
        if answered and not declared.verifying:
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
                    applied=self._unaffected.current(key, state.applied) if state is not None else "",
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
        for former in sorted(findings.applied.relieved):
            findings.requeue(former, Requeue(reason=f"{application.key} took an object over", priority=Priority.DRIFT))

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


def _windows(application: Application) -> tuple[Window, ...]:
    """Its windows; none where nothing is ever changed."""
    sync = application.spec.sync
    return () if sync.mode is SyncMode.OBSERVE else sync.windows
