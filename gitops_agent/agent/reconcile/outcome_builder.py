"""Builds the outcome of a reconcile from its stages' findings. Pure.

The stages fill in `Findings` in their order; one that was not reached leaves its default. When to reconcile again is part of
the outcome, as values: the reconciler performs them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from gitops_agent.agent.desired.commit_verifier import demanded
from gitops_agent.agent.desired.declared_state import DeclaredState
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.apply_result import ApplyResult
from gitops_agent.agent.reconcile.health_assessor import HealthReport
from gitops_agent.agent.reconcile.hook_pass import HookPass
from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, Requeue, SyncStatus
from gitops_agent.agent.rollouts.rollout_pass import RolloutResult
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.api.sync_options import SyncMode
from gitops_agent.errors import AgentError, Conflict
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.source.chart.republication import accepted, republication_of
from gitops_agent.sync.action import LEFT_BEHIND
from gitops_agent.sync.health.status import UNHEALTHY
from gitops_agent.sync.windows import Closed

_WAIT_BACKSTOP_SECONDS = 30.0
_CONFLICT_SECONDS = 0.5


@dataclass(slots=True, kw_only=True)
class Findings:
    """Findings of the stages of one reconcile so far.

    Attributes:
        application: which is reconciled.
        now: when, aware, UTC.
        suspended: nothing may be changed.
        closed: why windows do not allow this commit to change anything; None when they do.
        gated: a rollout waits for its window.
        rollouts: the result of their pass.
        waiting: why no plan could be made yet (a first list, a dependency), in words.
        applied: the result of the apply; None where it was not reached.
        health: of the objects; None while D(t) is not known.
        hooks: the pass over hooks; None where there are none.
        requeues: Applications to reconcile again, beside what the outcome says of this one.
    """

    application: Application
    now: datetime
    suspended: bool
    closed: Closed | None = None
    gated: bool = False
    rollouts: RolloutResult | None = None
    waiting: str = ""
    applied: ApplyResult | None = None
    health: HealthReport | None = None
    hooks: HookPass | None = None
    requeues: list[tuple[AppKey, Requeue]] = field(default_factory=list)

    def requeue(self, application: AppKey, requeue: Requeue) -> None:
        """Has an Application reconciled again."""
        self.requeues.append((application, requeue))

    @property
    def window(self) -> Closed | None:
        """The closed window, if anything waits for it."""
        waits = self.gated or (self.applied is not None and self.applied.awaits_window)
        return self.closed if waits else None

    @property
    def settled(self) -> bool:
        """Whether no rollout moves, is open, or has failed."""
        if self.rollouts is None:
            return True
        moving = self.rollouts.moved or bool(self.rollouts.refused)
        return not moving and not any(view.open or view.failed for view in self.rollouts.views)


def merge(declared: DeclaredState, rollouts: RolloutResult) -> DeclaredState:
    """Merges the rollouts' result: without D(t) nothing may be applied."""
    if rollouts.desired is None and declared.desired is not None:
        declared = replace(declared, desired=None, pending=declared.pending or rollouts.pending)
    if rollouts.error is not None:
        declared = replace(declared, desired=None, error=declared.error or rollouts.error)
    return declared


def build_outcome(findings: Findings, declared: DeclaredState, state: ApplicationState) -> ReconcileOutcome:
    """The outcome of a reconcile.

    Args:
        findings: of its stages.
        declared: what the newest commit declares.
        state: of the application; only read.
    """
    application, applied, rollouts = findings.application, findings.applied, findings.rollouts
    suspended = findings.suspended and not findings.waiting
    views = rollouts.views if rollouts else ()
    hooks = findings.hooks.waiting if findings.hooks else ""
    waiting = findings.waiting or declared.pending or hooks or (applied.waiting if applied else "")
    error = declared.error or (applied.error if applied else None)
    unavailable = declared.source.error
    # A commit that a rollout holds back is not synced, though the cluster equals D(t).
    settled = findings.settled
    in_force = applied is not None and applied.synced and declared.desired is not None and error is None
    synced = in_force and settled and not state.rollback.held and (findings.hooks is None or findings.hooks.settled)
    revision = declared.desired.revision if declared.desired is not None else None
    desired = state.desired
    problems = _problems(findings)
    held = republication_of(unavailable) is not None
    return ReconcileOutcome(
        revision=declared.revision,
        unavailable_since=declared.source.since if unavailable is not None and not held else None,
        source_error=unavailable,
        applied=revision.commit if revision is not None and in_force and settled else state.last_applied,
        rollback=state.rollback,
        replacement=revision if state.rollback.held and revision != declared.revision else None,
        plan=state.plans.hash,
        sync=_sync_status(synced=synced, known=desired is not None and applied is not None),
        error=error,
        held=(rollouts.held if rollouts else "") or (applied.held if applied else ""),
        waiting=waiting,
        rollouts=views,
        suspended=_suspension(application) if suspended else "",
        window=findings.window,
        observing=application.spec.sync.mode is SyncMode.OBSERVE,
        health=findings.health.health if findings.health else None,
        problems=problems,
        total=len(desired.manifests) if desired else 0,
        left_out=len(desired.skipped) if desired else 0,
        warnings=tuple(
            dict.fromkeys((*_note(declared), *(desired.told if desired else ()), *(applied.warnings if applied else ())))
        ),
        synced=applied.in_sync if applied else 0,
        drifted=applied.drifted if applied else 0,
        unhealthy=sum(1 for problem in problems if problem.reason in UNHEALTHY),
        started=state.started,
        hooks=state.hooks.to_json() if desired is not None else None,
        provisional=applied is None and error is None and unavailable is None and not _refused(declared),
        demanded=demanded(application),
        judgement=declared.judgement,
        accepted=accepted(application),
        recovered=bool(applied and applied.advanced) or (in_force and not (applied and applied.retry is not None)),
        requeue=_requeues(findings, waits=bool(waiting) and not declared.pending),
    )


def _note(declared: DeclaredState) -> tuple[str, ...]:
    return (declared.judgement.note,) if declared.judgement is not None and declared.judgement.note else ()


def _refused(declared: DeclaredState) -> bool:
    """Whether no commit may be followed for its signature."""
    return declared.judgement is not None and not declared.judgement.commit


def is_complete(findings: Findings) -> bool:
    """Whether everything is applied and healthy, and no rollout is under way."""
    applied, health = findings.applied, findings.health
    return (
        applied is not None
        and applied.synced
        and findings.settled
        and health is not None
        and not health.health.status.unhealthy
    )


def is_failing(findings: Findings) -> bool:
    """Whether an object is refused for good, or a rollout failed."""
    problems = findings.applied.problems if findings.applied else ()
    reasons = [reason_of(problem.reason) for problem in problems if problem.reason not in UNHEALTHY | LEFT_BEHIND]
    refused = any(reason.kind is ReasonKind.FAILURE and not reason.transient for reason in reasons)
    return refused or any(view.failed for view in (findings.rollouts.views if findings.rollouts else ()))


def is_unhealthy(findings: Findings) -> bool:
    """Whether an object is applied and not healthy."""
    return findings.health is not None and findings.health.health.status.unhealthy


def retry_after(error: AgentError) -> Requeue:
    """The requeue after an error that ended a reconcile.

    A conflict is no failure: the next reconcile reads what another client wrote, and earlier failures do not delay it.
    """
    if isinstance(error, Conflict):
        return Requeue(reason="another client changed it meanwhile", delay=_CONFLICT_SECONDS, priority=Priority.COMMIT)
    return Requeue(reason="retry after an error", delay=getattr(error, "retry_after", None) or 0.0, backoff=True)


def rollout_requeue(rollouts: RolloutResult | None) -> tuple[Requeue, ...]:
    """The requeue of the rollouts, also when a later stage fails."""
    if rollouts is None or rollouts.again is None:
        return ()
    return (Requeue(reason="its rollout continues", delay=rollouts.again),)


def _requeues(findings: Findings, *, waits: bool) -> tuple[Requeue, ...]:
    """Requeues of a reconcile; most waits end with an event instead."""
    requeues = list(rollout_requeue(findings.rollouts))
    applied, health = findings.applied, findings.health
    if findings.rollouts is not None and findings.rollouts.views and applied is not None and applied.advanced:
        # Rollouts step before the apply, and the event of a write is no news once its answer is known.
        requeues.append(Requeue(reason="a rollout looks at what was written"))
    if health is not None and health.recheck is not None and (findings.waiting or not findings.suspended):
        requeues.append(Requeue(reason="health is checked again", delay=health.recheck))
    requeues += applied.requeue if applied is not None else ()
    requeues += findings.hooks.requeues if findings.hooks is not None else ()
    if waits:
        requeues.append(Requeue(reason="a wait is checked again", delay=_WAIT_BACKSTOP_SECONDS))
    if (window := findings.window) is not None:
        requeues.append(Requeue(reason="a window opens", at=window.opens or window.until, priority=Priority.COMMIT))
    suspend = findings.application.spec.suspend
    if findings.suspended and suspend is not None and suspend.until is not None:
        requeues.append(Requeue(reason="a pause ended", at=suspend.until, priority=Priority.COMMIT))
    return tuple(requeues)


def _problems(findings: Findings) -> tuple[ObjectIssue, ...]:
    """What failed, drifted or waits, then what is unhealthy beside it."""
    refused = findings.rollouts.refused if findings.rollouts else {}
    problems = findings.hooks.problems if findings.hooks else ()
    problems += findings.applied.problems if findings.applied else ()
    problems += tuple(ObjectIssue(key=key, reason="RolloutRefused", message=text) for key, text in sorted(refused.items()))
    listed = {problem.key for problem in problems}
    unhealthy = findings.health.problems if findings.health else ()
    return problems + tuple(problem for problem in unhealthy if problem.key not in listed)


def _sync_status(*, synced: bool, known: bool) -> SyncStatus:
    if not known:
        return SyncStatus.UNKNOWN
    return SyncStatus.SYNCED if synced else SyncStatus.OUT_OF_SYNC


def _suspension(application: Application) -> str:
    suspend = application.spec.suspend
    if suspend is None:
        return ""
    until = f"until {timestamp(suspend.until)}" if suspend.until else "until it is resumed"
    return f"paused {until}{f': {suspend.reason}' if suspend.reason else ''}"
