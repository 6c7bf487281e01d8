"""Derives events from two statuses. Pure.

A restart derives the same transitions from the status in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gitops_agent.agent.reconcile.approvals import APPLICATION_ABOVE, TRAILER
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.api.conditions import find_condition
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.revision_name import short
from gitops_agent.revision.revision import Revision
from gitops_agent.source.chart.republication import REPUBLISHED


def transitions(
    before: Object, after: Object, *, application: AppKey, outcome: ReconcileOutcome, now: datetime
) -> tuple[Event, ...]:
    """The events between two statuses of one application, causes first.

    Args:
        before: the status in the cluster.
        after: the status about to be written.
        application: whose.
        outcome: of the reconcile; the texts come from it.
        now: aware, UTC.
    """
    return tuple(
        Event(
            type=kind,
            application=application,
            at=now,
            severity=severity,
            reason=reason,
            message=message[:1000],
            revision=_revision(kind, outcome),
            objects=tuple(problem.key for problem in outcome.problems[:10]) if severity is not Severity.INFO else (),
            facts=_facts(kind, reason, after, outcome),
        )
        for kind, severity, reason, message in _edges(before, after)
    )


def _revision(kind: EventType, outcome: ReconcileOutcome) -> Revision | None:
    """The commit an event is about.

    What is applied in place of a rejected commit is no verdict about that one, and one that is refused for its signature is not
    the one that is followed.
    """
    if kind is EventType.UNVERIFIED and outcome.judgement is not None and outcome.judgement.stop is not None:
        return outcome.judgement.stop
    about_newest = outcome.replacement is None or kind in (EventType.ROLLED_BACK, EventType.REVISION_SEEN)
    return outcome.revision if about_newest else outcome.replacement


def _facts(kind: EventType, reason: str, after: Object, outcome: ReconcileOutcome) -> dict[str, str]:
    revision = _revision(kind, outcome)
    facts = {"commit": revision.commit if revision else str(at(after, "source", "revision") or ""), "plan": outcome.plan}
    if kind is EventType.APPROVED:
        approved = at(after, "sync", "approved") or {}
        facts |= {"plan": str(approved.get("hash") or ""), "approver": str(approved.get("by") or "")}
    if reason == REPUBLISHED:
        facts |= {"plan": "", "approval": str(at(after, "source", "republished", "approval") or "")}
    return facts


def _edges(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    yield from _source(before, after)
    yield from _verification(before, after)
    yield from _stall(before, after)
    yield from _sync(before, after)
    yield from _health(before, after)
    yield from _rollback(before, after)


def _source(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    old, new = at(before, "source", "revision"), at(after, "source", "revision")
    was_away, is_away = at(before, "source", "unavailableSince"), at(after, "source", "unavailableSince")
    if is_away and not was_away:
        yield EventType.SOURCE_UNAVAILABLE, Severity.WARNING, "SourceUnavailable", str(at(after, "source", "message") or "")
    if was_away and not is_away:
        yield (
            EventType.SOURCE_RECOVERED,
            Severity.INFO,
            "SourceRecovered",
            f"the repository answers again, since {was_away} it did not",
        )
    touched = at(before, "sync", "plan") != at(after, "sync", "plan") or _condition(after, "Synced").get("status") != "True"
    if new and old != new and touched:
        subject = at(after, "source", "subject") or ""
        yield EventType.REVISION_SEEN, Severity.INFO, "RevisionSeen", f"{short(str(new))} {subject}".strip()


def _verification(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    old, new = _condition(before, "Verified"), _condition(after, "Verified")
    if new.get("status") == "False" and (old.get("status"), old.get("message")) != ("False", new.get("message")):
        yield EventType.UNVERIFIED, Severity.WARNING, str(new.get("reason")), str(new.get("message"))
    approval = at(after, "source", "republished", "approval")
    if approval and approval != at(before, "source", "republished", "approval"):
        yield EventType.HELD, Severity.WARNING, REPUBLISHED, str(_condition(after, "Ready").get("message"))
    lost = _condition(after, "SignerRemoved")
    if lost.get("status") == "True" and _condition(before, "SignerRemoved").get("status") != "True":
        yield EventType.SIGNER_REMOVED, Severity.WARNING, "SignerRemoved", str(lost.get("message"))


def _stall(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    old, new = _condition(before, "Stalled"), _condition(after, "Stalled")
    if new.get("status") == "True" and (old.get("status"), old.get("message")) != ("True", new.get("message")):
        yield EventType.STALLED, Severity.ERROR, str(new.get("reason")), str(new.get("message"))
    was, now = _condition(before, "Ready").get("reason"), _condition(after, "Ready").get("reason")
    if now == "Suspended" and was != "Suspended":
        yield EventType.SUSPENDED, Severity.WARNING, "Suspended", str(_condition(after, "Ready").get("message"))
    if was == "Suspended" and now != "Suspended":
        yield EventType.RESUMED, Severity.INFO, "Resumed", "reconciling again"


def _sync(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    old, new = _condition(before, "Synced"), _condition(after, "Synced")
    applied_before, applied = at(before, "sync", "revision"), at(after, "sync", "revision")
    if new.get("reason") == "HeldForApproval" and at(before, "sync", "plan") != at(after, "sync", "plan"):
        yield EventType.HELD, Severity.WARNING, "HeldForApproval", str(new.get("message"))
    plan = at(after, "sync", "approved", "hash")
    if plan and plan != at(before, "sync", "approved", "hash"):
        yield EventType.APPROVED, Severity.INFO, "Approved", f"plan {str(plan)[:12]} {_approver(at(after, 'sync', 'approved'))}"
    if new.get("reason") == "WindowClosed" and old.get("reason") != "WindowClosed":
        yield EventType.WINDOW_CLOSED, Severity.INFO, "WindowClosed", str(new.get("message"))
    failing = new.get("status") == "False" and reason_of(str(new.get("reason"))).kind is ReasonKind.FAILURE
    same_failure = (old.get("status"), old.get("reason")) == ("False", new.get("reason"))
    new_commit = at(before, "source", "revision") != at(after, "source", "revision")
    if failing and (not same_failure or new_commit):
        yield EventType.SYNC_FAILED, Severity.ERROR, str(new.get("reason")), str(new.get("message"))
    moved = applied != applied_before and at(before, "sync", "plan") != at(after, "sync", "plan")
    if new.get("status") == "True" and applied and (moved or old.get("status") == "False"):
        yield EventType.SYNCED, Severity.INFO, "Synced", str(new.get("message"))


def _approver(approved: Object) -> str:
    by = approved.get("by")
    via = str(approved.get("via") or "")
    if via == TRAILER:
        return f"was approved by {by}"
    if via.startswith(APPLICATION_ABOVE):
        return f"is covered by the approval of {via}{f', by {by}' if by else ''}"
    return f"was approved by {by}, as its client claims" if by else "was approved by its annotation"


def _health(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    old, new = at(before, "health", "status"), at(after, "health", "status")
    reasons = "; ".join(at(after, "health", "reasons") or ())
    was, now = at(before, "health", "degradedRevision"), at(after, "health", "degradedRevision")
    if new == "Degraded" and old != "Degraded" and was != now:
        yield EventType.DEGRADED, Severity.ERROR, "Degraded", reasons
    if new == "Healthy" and (old == "Degraded" or was):
        yield EventType.RECOVERED, Severity.INFO, "Recovered", "every object is healthy again"
    if new == "Progressing" and old == "Healthy":
        yield EventType.PROGRESSING, Severity.INFO, "Progressing", reasons


def _rollback(before: Object, after: Object) -> Iterator[tuple[EventType, Severity, str, str]]:
    rejected = at(after, "rollback", "rejected") or []
    if at(after, "rollback", "held") is True and rejected and rejected != at(before, "rollback", "rejected"):
        yield EventType.ROLLED_BACK, Severity.ERROR, "RolledBack", str(_condition(after, "Ready").get("message"))


def at(status: Object, *path: str) -> Any:
    """The value at a path of a status, None where missing."""
    value: Any = status
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _condition(status: Object, kind: str) -> Object:
    return find_condition(status.get("conditions"), kind) or {}
