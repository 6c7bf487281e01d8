"""What one reconcile found out about an application: the facts from which its status and its events are made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.health.status import Health


class SyncStatus(StrEnum):
    """Whether the cluster is what the revision declares."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectIssue:
    """One object that is not as it should be, with the reason a person can act on."""

    key: ObjectKey
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSummary:
    """Where one rollout stands.

    Attributes:
        policy: its policy.
        workload: what it rolls out.
        phase: of the machine.
        weight: percent of the traffic that is to go to the new version.
        message: one line for people.
        running: whether a run is under way.
        failed: whether the newest version was rolled back.
        waits: whether it waits for a person.
        approval: the approval it waits for, as `hash/step`; empty when for none.
    """

    policy: ObjectKey
    workload: ObjectKey
    phase: str
    weight: int
    message: str
    running: bool
    failed: bool
    waits: bool
    approval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOutcome:
    """See the module's text.

    Attributes:
        revision: the newest commit known, None before the first fetch.
        unavailable_since: since when the repository could not be read, None while it can.
        source_error: why not.
        applied: the commit whose every object is applied, empty before the first.
        plan: the hash of the last plan.
        sync: whether the cluster is what `revision` declares.
        error: what stopped a stage (spec, source, render, plan), None when nothing did.
        held: why the plan waits for approval, empty when it does not.
        waiting: what the application waits for, in words; empty when nothing.
        suspended: why nothing is done, empty when something is.
        observing: the application only reports.
        health: the worst of its objects.
        problems: unhealthy, failed, drifted and waiting objects, worst first.
        total: declared objects.
        left_out: declared objects that are not applied, such as hooks.
        warnings: what somebody should know though nothing fails for it.
        synced: objects that are live as declared.
        drifted: objects that deviate.
        unhealthy: objects that are not Healthy.
        rollouts: where each rollout stands.
        actor: who caused the sync: the commit's author, or the person who asked.
        started: when the sync of `revision` began.
        provisional: nothing is known yet that a status in the cluster does not say better.
    """

    revision: Revision | None = None
    unavailable_since: datetime | None = None
    source_error: AgentError | None = None
    applied: str = ""
    plan: str = ""
    sync: SyncStatus = SyncStatus.UNKNOWN
    error: AgentError | None = None
    held: str = ""
    waiting: str = ""
    suspended: str = ""
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
