"""In-memory state of one application between reconciles.

All of it can be lost: the next reconcile restores it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gitops_agent.agent.reconcile.health_assessor import HealthMemo
from gitops_agent.agent.reconcile.planner import PlanMemo
from gitops_agent.agent.reconcile.status_writer import StatusMemo
from gitops_agent.agent.reconcile.sync_windows import WindowMemo
from gitops_agent.manifest.key import Object
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord
from gitops_agent.sync.hook_runs.sync_phase import Inputs
from gitops_agent.sync.planning import unlistable_objects
from gitops_agent.sync.planning.policy import Approval
from gitops_agent.sync.rollback import RollbackState


@dataclass(slots=True)
class ApplicationState:
    """State of one application; touched only by the worker that reconciles it.

    Attributes:
        plans: what planner and applier remember.
        health: what the health assessor remembers.
        status: what the status writer remembers.
        windows: what is remembered of its windows.
        declared: what the last readable commit declared; D(t) is made from it.
        desired: the last D(t): what is enforced while a newer commit does not render.
        target: the commit being applied, since `started`.
        started: see `target`.
        applied: the commit whose every object is applied.
        requested: the last request (`sync`) that was taken up; the poll number `poll` answers it.
        poll: see `requested`.
        answered: the last request that was answered.
        waiting: what it waits for since its last reconcile, in words.
        hooks: what is known of the runs of hooks.
        hook_inputs: what the sync of the last reconcile was about, where it has hooks.
        failing_since: monotonic time since when an error has ended every reconcile; None while none does.
        rollback: which commit is on trial, and which one is rejected.
        degraded_since: monotonic time since when a commit on trial is Degraded; None while it is not.
    """

    plans: PlanMemo = field(default_factory=PlanMemo)
    health: HealthMemo = field(default_factory=HealthMemo)
    status: StatusMemo = field(default_factory=StatusMemo)
    windows: WindowMemo = field(default_factory=WindowMemo)
    declared: Desired | None = None
    desired: Desired | None = None
    target: str = ""
    started: datetime | None = None
    applied: str = ""
    requested: str = ""
    poll: int = 0
    answered: str = ""
    waiting: str = ""
    hooks: HookRecord = EMPTY
    hook_inputs: Inputs | None = None
    failing_since: float | None = None
    rollback: RollbackState = field(default_factory=RollbackState)
    degraded_since: float | None = None

    @property
    def last_applied(self) -> str:
        """The commit whose every object is applied, from memory or the status."""
        return self.applied or str(((self.status.written or {}).get("sync") or {}).get("revision") or "")

    def restore(self, application: Object) -> None:
        """Takes over, once, what an earlier process wrote into the status."""
        if self.status.written is None:
            self.status.take(application)
            self.hooks = HookRecord.from_json((application.get("status") or {}).get("hooks"))
            sync = (application.get("status") or {}).get("sync") or {}
            self.answered = str(sync.get("answered") or "")
            self.plans.approval = Approval.from_json(sync.get("approval") or {})
            self.plans.over_budget = str(sync.get("overBudget") or "")
            self.rollback = RollbackState.from_json((application.get("status") or {}).get("rollback") or {})
            resources = (application.get("status") or {}).get("resources") or {}
            self.plans.recorded = unlistable_objects.from_json(resources.get("kinds"))

    def follow(self, commit: str, now: datetime) -> None:
        """Makes a commit the target; a new one restarts the health timeout."""
        if commit != self.target:
            self.target, self.started = commit, now
            self.health.unhealthy_since = None
