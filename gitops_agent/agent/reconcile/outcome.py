"""Outcome of one reconcile: facts for status and events, and requeues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitops_agent.agent.reconcile.deletion_budget import RecentDeletions
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.agent.work_queue import Priority
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.revision.revision import Revision
from gitops_agent.source.chart.republication import Republication
from gitops_agent.source.signature.judgement import Judgement
from gitops_agent.sync.health.status import Health
from gitops_agent.sync.planning.policy import Approval
from gitops_agent.sync.rollback import RollbackState
from gitops_agent.sync.windows import Closed


class SyncStatus(StrEnum):
    """Whether the cluster is as the revision declares."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectIssue:
    """One object that is not as declared or unhealthy, with a reason."""

    key: ObjectKey
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Requeue:
    """A request to reconcile an application again.

    Attributes:
        reason: why.
        delay: seconds until then; at least so many where `backoff` decides.
        at: the date, aware, where the wall clock decides; `delay` is not used then.
        priority: how urgent it is then.
        backoff: something failed: the delay grows with every failure in a row.
    """

    reason: str
    delay: float = 0.0
    at: datetime | None = None
    priority: Priority = Priority.RESYNC
    backoff: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOutcome:
    """Outcome of one reconcile.

    Attributes:
        revision: the newest commit known, None before the first fetch.
        unavailable_since: since when the repository could not be read, None while it can.
        source_error: why not.
        applied: the commit whose every object is applied, empty before the first.
        plan: the hash of the last plan.
        sync: whether the cluster is as `revision` declares.
        error: what stopped a stage (spec, source, render, plan), None when nothing did.
        stalled: `error` does not pass by itself.
        held: why the plan waits for approval, empty when it does not.
        waiting: what the application waits for, in words; empty when nothing.
        suspended: why nothing is done, empty when something is.
        window: the closed window that changes wait for; None when none do.
        observing: the application only reports.
        health: the worst of its objects.
        problems: unhealthy, failed, drifted and waiting objects, worst first.
        total: declared objects.
        left_out: declared objects that are not applied, such as hooks.
        warnings: what a user should know though nothing fails for it.
        synced: objects that are live as declared.
        drifted: objects that deviate.
        unhealthy: objects that are not Healthy.
        rollouts: where each rollout stands.
        actor: who caused the sync: the commit's author, or the user who requested it.
        started: when the sync of `revision` began.
        provisional: nothing is known yet that a status in the cluster does not say better.
        answered: the last request (`sync`) that was answered.
        approval: an approved plan under way.
        approved: the last plan that ran because it was approved; None when this process knows of none.
        over_budget: the hash of the plan that the budget over all Applications holds; empty without one.
        deletions: what was deleted lately without an approval; None when this process knows of nothing.
        demanded: signatures of commits are demanded, as far as is known; False drops what the status says of them.
        judgement: on the signatures of the newest commits; None keeps what the status says of them.
        accepted: the content of a chart that a person accepted last; None without one.
        kinds: live objects by kind, when each kind was last listed.
        hooks: the record of hooks, as the status keeps it; None where it stays as it is.
        recovered: the backoff of earlier failures is over.
        rollback: which commit is on trial or rejected; None when nothing is known of it.
        replacement: the commit that is applied in place of a rejected `revision`.
        requeue: when to reconcile again, and why.
    """

    revision: Revision | None = None
    unavailable_since: datetime | None = None
    source_error: AgentError | None = None
    applied: str = ""
    plan: str = ""
    sync: SyncStatus = SyncStatus.UNKNOWN
    error: AgentError | None = None
    stalled: bool = False
    held: str = ""
    waiting: str = ""
    suspended: str = ""
    window: Closed | None = None
    observing: bool = False
    health: Health | None = None
    problems: tuple[ObjectIssue, ...] = ()
    total: int = 0
    left_out: int = 0
    warnings: tuple[str, ...] = ()
    synced: int = 0
    drifted: int = 0
    unhealthy: int = 0
    rollouts: tuple[RolloutSummary, ...] = ()
    actor: str = ""
    started: datetime | None = None
    provisional: bool = False
    answered: str = ""
    approval: Approval | None = None
    approved: Approval | None = None
    over_budget: str = ""
    deletions: RecentDeletions | None = None
    demanded: bool = True
    judgement: Judgement | None = None
    accepted: Republication | None = None
    kinds: Mapping[GroupKind, int] = field(default_factory=dict)
    hooks: Mapping[str, Any] | None = None
    recovered: bool = False
    rollback: RollbackState | None = None
    replacement: Revision | None = None
    requeue: tuple[Requeue, ...] = ()
