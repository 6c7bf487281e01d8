"""Applies D(t) to the cluster: plan, guard, preflight, execute.

What a pause, an older commit, a possible hand-over or a fight forbids is taken out of the plan before anything is sent; the
plan itself, which users read and approve, stays whole.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace

from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.reconcile import revision_tracing
from gitops_agent.agent.reconcile.apply_result import ApplyResult, build_result
from gitops_agent.agent.reconcile.deletion_budget import DeletionBudget, RecentDeletions, Removal, removals
from gitops_agent.agent.reconcile.drift_events import DriftReporter
from gitops_agent.agent.reconcile.hook_deletion import HookDeletion
from gitops_agent.agent.reconcile.hook_pass import HookPass
from gitops_agent.agent.reconcile.planner import PlanMemo, Planner
from gitops_agent.agent.reconcile.restrictions import defer_deletions, deletes, hold_back, leave_behind, only, without
from gitops_agent.api.application import Application
from gitops_agent.api.sync_options import ErrorPolicy
from gitops_agent.errors import AgentError
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.marks import REQUESTED
from gitops_agent.manifest.revision_name import base_of
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.sync.action import Action, ActionKind, PlanError
from gitops_agent.sync.apply.errors import Immutable
from gitops_agent.sync.apply.executor import Executor, Result
from gitops_agent.sync.apply.helm_releases import REASON as RELEASE_PRESENT
from gitops_agent.sync.apply.helm_releases import renders_chart
from gitops_agent.sync.apply.preflight import unanswered
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.ignore_fields import managers
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.crd_upgrade import CRDUpgradeRefused
from gitops_agent.sync.planning.other_owners import RECHECK_SECONDS
from gitops_agent.sync.planning.other_tools import inherits, left_to_owners, waits_for_owners
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.policy import BudgetUse
from gitops_agent.telemetry.traces import TRACES

_log = logger("agent")


class Applier:
    """Plans and applies the desired states of applications.

    Args:
        planner: makes the plans.
        executor: sends them.
        live: the live objects.
        barrier: which applications have yet to load a commit before anything is deleted for it.
        drift: publishes drift, and knows the objects that others keep changing back.
        budget: counts the deletions of all applications.
    """

    def __init__(
        self,
        planner: Planner,
        executor: Executor,
        live: LiveState,
        barrier: PruneBarrier,
        drift: DriftReporter,
        *,
        budget: DeletionBudget,
    ) -> None:
        self._planner, self._executor, self._live = planner, executor, live
        self._barrier, self._drift, self._budget = barrier, drift, budget
        self._stopping = threading.Event()

    def start(self) -> None:
        """Does nothing: an apply runs on the thread of its caller."""

    def stop(self) -> None:
        """Ends applies under way at their next safe point, between API calls."""
        self._stopping.set()

    def apply(
        self,
        application: Application,
        desired: Desired,
        memo: PlanMemo,
        *,
        suspended: bool = False,
        current: bool = True,
        deleting: bool = False,
        rolling: bool = False,
        closed: str = "",
        moving: bool = False,
        hooks: HookPass | HookDeletion | None = None,
    ) -> ApplyResult:
        """Plans, and executes what may be done now.

        Args:
            application: whose.
            desired: D(t).
            memo: of the application.
            suspended: plan only.
            current: `desired` is of the newest commit; if not, only drift is repaired.
            deleting: the Application itself is being deleted.
            rolling: a rollout is under way, so an approved plan comes to its deletions later.
            closed: why a window keeps everything but rollouts under way from being written; empty without one.
            moving: there is a rollout that has begun.
            hooks: the pass over hooks, which run around it; None without any.

        Raises:
            AgentError: the events of drift could not be saved.
        """
        start = TRACES.now()
        managed = self._managed(application, desired)
        snapshot = self._planner.snapshot(application.key, desired)

        def planned(over_budget: BudgetUse | None = None) -> tuple[Plan, Plan]:
            """The plan, and what of it is allowed now."""
            plan = self._with_release(
                application,
                self._planner.plan(application, desired, snapshot, memo, deleting=deleting, over_budget=over_budget),
                memo,
            )
            runnable = plan if plan.granted else _within_windows(plan, closed, moving=moving)
            runnable = self._allowed(
                runnable, suspended=suspended, current=current, deleting=deleting, waits=memo.preview is not None
            )
            runnable = left_to_owners(runnable, {} if plan.granted else self._executor.managed_by_others(runnable))
            use = self._over_budget(plan, removals(runnable), memo) if over_budget is None else None
            return (plan, runnable) if use is None else planned(use)

        try:
            plan, runnable = planned()
        except PlanError as error:
            # Another application may declare its objects in a served version meanwhile, which wakes nothing here.
            return ApplyResult(error=error, retry=0.0 if isinstance(error, CRDUpgradeRefused) else None)
        if not suspended and self._verify(application, plan, snapshot, memo):
            snapshot = self._planner.snapshot(application.key, desired)
            plan, runnable = planned()
        if self._owners_changed(plan, managed, memo):
            snapshot = self._planner.snapshot(application.key, desired)
            plan, runnable = planned()
        revision_tracing.planned(application, memo.follow(plan, snapshot, rolling=rolling), start)
        passed = bool(closed) and plan.granted and bool(runnable.writes)
        if passed:
            memo.approve(plan)
        self._planner.approved(application.key, memo)
        runnable = runnable if hooks is None else hooks.hold(plan, runnable)
        refused = self._preflight(application, runnable, snapshot)
        immutable = frozenset(key for key, error in refused.items() if isinstance(error, Immutable))
        if immutable:
            memo.refuse_update(immutable, plan)
            plan, runnable = planned()
            memo.plan = plan
            runnable = runnable if hooks is None else hooks.hold(plan, runnable)
            replaced = {action.key for action in plan.changes() if action.intent is ActionKind.REPLACE}
            refused = {key: error for key, error in refused.items() if key not in replaced}
        if hooks is not None:
            allowed = current and not suspended and memo.preview is None and (passed or not closed)
            allowed = allowed and not waits_for_owners(runnable)
            runnable = hooks.run(plan, runnable, refused, allowed=allowed)
        drifts = self._drift.detected(application, runnable, snapshot)
        held_back: frozenset[ObjectKey] = frozenset()
        if refused and application.spec.sync.error_policy is ErrorPolicy.ATOMIC:
            runnable, held_back = hold_back(runnable, answered=not all(map(unanswered, refused.values())))
        runnable = without(runnable, refused) if refused else runnable
        result = self._execute(application, runnable) if runnable.writes or not refused else Result()
        done = {outcome.key for outcome in result.outcomes if outcome.ok}
        self._drift.repaired(application, drifts, done)
        terminating = self._terminating(runnable, done)
        applied = build_result(
            plan, runnable, result, refused, terminating=terminating, held_back=held_back, moving=snapshot.moving
        )
        waits = bool(closed) and not plan.granted and _within_windows(plan, closed, moving=moving) is not plan
        return replace(
            applied,
            again=self._drift.cooldown(applied.fought),
            recount=self._planner.recount(memo),
            recheck=RECHECK_SECONDS if waits_for_owners(runnable) else None,
            relieved=frozenset(former for key, former in snapshot.released.items() if key in done),
            inherits=inherits(runnable, {key: live for key in done if (live := self._live.get(key)) is not None}),
            passed=passed,
            awaits_window=waits and not suspended and not applied.synced,
        )

    def _with_release(self, application: Application, plan: Plan, memo: PlanMemo) -> Plan:
        """The plan with a warning while Helm remembers its objects.

        That is asked once for a commit, and only if it changes something or the status has the warning.
        """
        as_of = f"{application.generation} {plan.revision.commit} {application.annotations.get(REQUESTED, '')}"
        helm = application.spec.render.helm if application.spec.render else None
        if not application.deleting and memo.release_as_of != as_of and (helm is not None or renders_chart(plan)):
            written = (application.raw.get("status") or {}).get("warnings") or ()
            if memo.release or plan.changes() or any(str(warning).startswith(RELEASE_PRESENT) for warning in written):
                name = (helm.release_name if helm else None) or application.key.name
                memo.release = self._executor.warning_of_release(name, application.namespace)
                memo.release_as_of = as_of
        return replace(plan, warnings=(memo.release, *plan.warnings)) if memo.release else plan

    def _managed(self, application: Application, desired: Desired) -> list[ObjectKey]:
        """The objects with fields of others, kept whole from now on.

        Others are managers to whom fields are left, and the cluster, where generated values are.

        Raises:
            AgentError: one that is not known as a whole cannot be read.
        """
        exempt = application.spec.sync.ignore_fields
        generated = [manifest.key for manifest in desired.manifests if manifest.generated]
        keys = [manifest.key for manifest in desired.manifests if managers(manifest.key, exempt)] if exempt else []
        keys = sorted({*keys, *generated})
        # What is there without our marks is not watched, and would lose its values to those of the render.
        foreign = {key for key in generated if (live := self._live.get(key)) is None or live.named is None}
        self._executor.read(self._live.keep(application.key, keys) | foreign)
        return keys

    def _execute(self, application: Application, plan: Plan) -> Result:
        """Executes a plan as the Application's account, and counts its actions."""
        start = TRACES.now()
        result = self._executor.execute(plan, as_user=application.user, stop=self._stopping.is_set)
        revision_tracing.applied(application, plan, result, start)
        for outcome in result.outcomes:
            metrics.ACTIONS.labels(outcome.kind.value, "ok" if outcome.ok else "failed").inc()
        return result

    def _owners_changed(self, plan: Plan, managed: Collection[ObjectKey], memo: PlanMemo) -> bool:
        """Whether other managers own more or fewer fields than before.

        What such an object looked like after an apply says nothing about it any more.
        """
        sent = {action.key: action.manifest for action in plan.actions if action.manifest is not None}
        before, memo.left = memo.left, {key: digest(sent[key].obj) for key in managed if key in sent}
        changed = [key for key, value in before.items() if key in sent and digest(sent[key].obj) != value]
        for key in changed:
            self._live.forget_baseline(key)
        return bool(changed)

    def _verify(self, application: Application, plan: Plan, snapshot: Snapshot, memo: PlanMemo) -> bool:
        """Sets baselines after a start; true when an object was edited.

        The API server is asked about objects that only their field manager proves, once for each version.
        """
        unproven = []
        for action in plan.actions:
            live = action.live
            if live is None or action.kind is not ActionKind.UNCHANGED or action.key in snapshot.baselines:
                continue
            if not action.unproven:
                self._live.expect(action.key, live.uid, digest=live.digest or "", projection=live.projection)
            elif (action.key, live.resource_version) not in memo.verified:
                unproven.append(action)
        if not unproven:
            return False
        answers = self._executor.verify(plan, unproven, as_user=application.user)
        memo.verified |= {(action.key, action.live.resource_version) for action in unproven if action.live}
        edited = False
        for action in unproven:
            answer, live = answers.get(action.key), action.live
            if answer is None or live is None or answer.uid != live.uid:
                continue
            self._live.expect(action.key, live.uid, digest=live.digest or "", projection=answer.projection)
            edited = edited or answer.projection != live.projection
        return edited

    def preview(self, application: Application, declared: Desired, memo: PlanMemo, *, closed: bool = False) -> Plan | None:
        """The plan of a commit whose rollout has not begun.

        A rollout that is held in its middle would leave traffic between two versions, so its whole commit is planned first. An
        approval is remembered, also one that lets the plan through a closed window.
        """
        snapshot = self._planner.snapshot(application.key, declared)
        try:
            plan = self._planner.plan(application, declared, snapshot, memo)
            use = self._over_budget(plan, removals(plan), memo, dry_run=True)
            if use is not None:
                plan = self._planner.plan(application, declared, snapshot, memo, over_budget=use)
        except PlanError:
            return None
        if plan.verdict.approved or (closed and plan.granted):
            memo.approve(plan)
        return plan

    def _over_budget(
        self, plan: Plan, deleted: Mapping[Removal, int], memo: PlanMemo, *, dry_run: bool = False
    ) -> BudgetUse | None:
        """The budget over all Applications, when it holds this plan.

        A plan that was held once stays held until it is approved or gives way to another one, or large deletions would go on
        in portions.
        """
        if plan.granted or plan.verdict.held or not deleted:
            memo.over_budget = "" if plan.granted else memo.over_budget
            return None
        live = len(self._live)
        if memo.over_budget == plan.hash:
            return self._budget.use(live)
        use = self._budget.reserve(plan.application, deleted, live=live, own=plan.verdict.blast.budget, dry_run=dry_run)
        memo.over_budget = plan.hash if use is not None else ""
        if use is not None:
            _log.warning("deletion budget over all applications is exceeded", spent=use.spent, budget=use.budget)
        return use

    def deletions(self, application: AppKey) -> RecentDeletions | None:
        """What an Application lost lately without an approval."""
        return self._budget.recent(application)

    def _allowed(self, plan: Plan, *, suspended: bool, current: bool, deleting: bool, waits: bool) -> Plan:
        """The plan without the writes that are not allowed now.

        A pause, an outdated D(t), a commit that waits for approval, a possible hand-over and a fight forbid writes.
        """
        if suspended:
            return only(plan, lambda _: False, "paused")
        if not current:
            plan = only(plan, lambda action: action.drift or action.rollout, "a newer commit does not render")
        elif waits and not deleting:
            # A part of its deletions alone may be within the budget; a held commit holds everything.
            plan = only(plan, lambda action: action.drift or action.rollout, "its commit waits for approval")
        elif not deleting and any(deletes(action) for action in plan.writes):
            absence = self._barrier.behind(plan.application, base_of(plan.revision.commit))
            if absence is not None and not (absence.lasting and plan.granted):
                plan = leave_behind(plan, absence) if absence.lasting else defer_deletions(plan, absence)
        return self._drift.leave_fights(plan)

    def _preflight(self, application: Application, plan: Plan, snapshot: Snapshot) -> dict[ObjectKey, AgentError]:
        """Dry-runs the changes; a first installation has nothing live to lose."""
        if not snapshot.objects or not plan.writes:
            return {}
        return self._executor.preflight(plan, as_user=application.user)

    def _terminating(self, plan: Plan, done: set[ObjectKey]) -> list[Action]:
        """The deletions that were sent and whose objects are still there."""
        return [
            action
            for action in plan.writes
            if action.kind is ActionKind.DELETE and action.key in done and self._live.get(action.key) is not None
        ]


def _within_windows(plan: Plan, closed: str, *, moving: bool) -> Plan:
    """The plan with only what goes on in a closed window."""
    return only(plan, lambda action: moving and action.rollout, closed) if closed else plan
