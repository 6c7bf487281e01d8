"""From what a reconcile found out to the status people and kstatus read: pure.

Nothing in a status changes with the clock alone, so an idle agent writes nothing; `lastTransitionTime` and the history
move only with a real transition.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, SyncStatus
from gitops_agent.api.conditions import set_condition
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.manifest.key import Object
from gitops_agent.sync.health.status import UNHEALTHY, Status

_PROBLEMS_SHOWN = 10
_WARNINGS_SHOWN = 10
_HISTORY_KEPT = 20
_TEXT_LIMIT = 500


def timestamp(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds: the form of `metav1.Time`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status(before: Object, view: ReconcileOutcome, *, generation: int, now: datetime) -> Object:
    """The status to stand in the cluster after this reconcile.

    Args:
        before: the status that stands there now.
        view: what was found out.
        generation: of the spec that was reconciled.
        now: aware, UTC; used only where something changed.
    """
    result: Object = {
        "observedGeneration": generation,
        "conditions": _conditions(before, view, generation=generation, now=now),
        "sync": _drop_empty({"status": view.sync.value, "revision": view.applied, "plan": view.plan}),
        "health": _health(before, view),
        "source": _source(before, view),
        "resources": {
            "total": view.total,
            "synced": view.synced,
            "drifted": view.drifted,
            "unhealthy": view.unhealthy,
            **({"leftOut": view.left_out} if view.left_out else {}),
            "problems": [_problem(problem) for problem in view.problems[:_PROBLEMS_SHOWN]],
        },
        "history": _history(before, view, now=now),
    }
    if view.warnings:
        result["warnings"] = [warning[:_TEXT_LIMIT] for warning in view.warnings[:_WARNINGS_SHOWN]]
    if view.rollouts:
        result["rollouts"] = [
            {"policy": one.policy.name, "workload": str(one.workload), "phase": one.phase, "weight": one.weight}
            | ({"approval": one.approval} if one.approval else {})
            for one in view.rollouts
        ]
    if before.get("rollback"):
        result["rollback"] = before["rollback"]
    return result


def ready(view: ReconcileOutcome) -> tuple[bool | None, str, str]:
    """The Ready condition (status, reason, message): the one line people read first."""
    synced, reason, message = _synced(view)
    if view.suspended:
        return None, "Suspended", view.suspended
    if synced is not True:
        return synced, reason, message
    health = view.health
    if health is None or health.status is Status.HEALTHY:
        return True, "Synced", message
    if health.status is Status.SUSPENDED:
        return True, "Synced", f"{message}; suspended: {health.message}"
    return (None if health.status is Status.PROGRESSING else False), health.status.value, _summary(view)


def _synced(view: ReconcileOutcome) -> tuple[bool | None, str, str]:
    if view.error is not None:
        return False, view.error.reason, str(view.error)
    if view.revision is None:
        reason = view.source_error.reason if view.source_error else "Fetching"
        return None, reason, str(view.source_error or "the repository is being fetched for the first time")
    short = view.revision.short
    if view.held:
        return False, "HeldForApproval", view.held
    failed = [problem for problem in view.problems if _failed(problem)]
    rollout = None if failed or view.suspended else _rollout(view)
    if rollout is not None:
        return rollout
    if view.sync is SyncStatus.SYNCED:
        return True, "Synced", f"{short} is applied: {_counted(view)}"
    return _behind(view, failed)


def _failed(problem: ObjectIssue) -> bool:
    """Whether a problem is a failure of the sync: health is judged in a condition of its own."""
    return problem.reason not in UNHEALTHY and reason_of(problem.reason).kind is ReasonKind.FAILURE


def _counted(view: ReconcileOutcome) -> str:
    """How much a revision declares, and what of it is not applied."""
    if not view.total and not view.left_out:
        return "it declares no object"
    left_out = f", {view.left_out} left out" if view.left_out else ""
    return f"{view.total} object{'' if view.total == 1 else 's'}{left_out}"


def _behind(view: ReconcileOutcome, failed: list[ObjectIssue]) -> tuple[bool | None, str, str]:
    """Why the cluster is not yet what the revision declares."""
    short = view.revision.short if view.revision else ""
    if view.observing:
        return (
            False,
            "Observing",
            f"{view.drifted} of {view.total} objects differ from {short}; nothing is changed in mode observe",
        )
    if failed:
        first = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return False, first.reason, f"{short}: {first.key}: {first.message}{more}"
    if view.waiting:
        return False, "WaitingFor", f"{short}: {view.waiting}"
    return False, "Progressing", f"{short} is being applied"


def _rollout(view: ReconcileOutcome) -> tuple[bool | None, str, str] | None:
    """What there is to say of rollouts: one that went back first, then one that waits for a person, then those under way."""
    shown = sorted(
        (one for one in view.rollouts if one.failed or one.running),
        key=lambda one: (not one.failed, not one.waits, one.workload),
    )
    if not shown:
        return None
    first = shown[0]
    more = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
    reason = "RolledBack" if first.failed else "RolloutPaused" if first.waits else "RollingOut"
    return False if first.failed else None, reason, f"{first.workload}: {first.message}{more}"


def _summary(view: ReconcileOutcome) -> str:
    shown = [f"{problem.key}: {problem.message}" for problem in view.problems[:3]]
    more = f" (and {view.unhealthy - 3} more)" if view.unhealthy > len(shown) == 3 else ""  # noqa: PLR2004 - as many as are shown
    return ("; ".join(shown) or (view.health.message if view.health else "")) + more


def _conditions(before: Object, view: ReconcileOutcome, *, generation: int, now: datetime) -> list[Object]:
    conditions: list[Object] = [c for c in before.get("conditions") or [] if isinstance(c, dict)]
    healthy = view.health.status if view.health else None
    stalled = view.error is not None and view.error.reason in ("InvalidSpec", "FieldNotSupported", "ClusterMismatch")
    ready_status, ready_reason, ready_message = ready(view)
    synced_status, synced_reason, synced_message = _synced(view)
    reconciling = (
        not stalled and not view.suspended and (ready_status is None or (view.waiting != "" and ready_status is not True))
    )
    health_status = (
        None if healthy in (None, Status.UNKNOWN, Status.PROGRESSING) else healthy in (Status.HEALTHY, Status.SUSPENDED)
    )
    health_reason = healthy.value if healthy else "Unknown"
    wanted: tuple[tuple[str, bool | None, str, str], ...] = (
        ("Ready", ready_status, ready_reason, ready_message),
        ("Synced", synced_status, synced_reason, synced_message),
        ("Healthy", health_status, health_reason, _summary(view) if health_status is not True else "every object is healthy"),
        ("Reconciling", reconciling, ready_reason, ready_message),
        ("Stalled", stalled, ready_reason, ready_message),
    )
    if view.held:
        wanted = (*wanted, ("Held", True, "HeldForApproval", view.held))
    elif any(condition.get("type") == "Held" for condition in conditions):
        wanted = (*wanted, ("Held", False, synced_reason, "nothing is held"))
    for kind, value, reason, message in wanted:
        conditions = set_condition(conditions, kind, value, reason, message[:_TEXT_LIMIT], generation=generation, now=now)
    return conditions


def _health(before: Object, view: ReconcileOutcome) -> Object:
    """How the objects are; the commit that made them Degraded stays until they are well again, so that it can be told."""
    now = view.health.status if view.health else Status.UNKNOWN
    reasons = [f"{problem.key}: {problem.message}"[:_TEXT_LIMIT] for problem in view.problems[:_PROBLEMS_SHOWN]]
    result: Object = {"status": now.value, "reasons": reasons}
    old = before.get("health") or {}
    degraded = str(old.get("degradedRevision") or "")
    if now is Status.DEGRADED and (not degraded or old.get("status") != now.value):
        degraded = view.revision.commit if view.revision else view.applied
    if degraded and now not in (Status.HEALTHY, Status.SUSPENDED):
        result["degradedRevision"] = degraded
    return result


def _source(before: Object, view: ReconcileOutcome) -> Object:
    revision = view.revision
    result: Object = {}
    if revision is not None:
        result = {
            "revision": revision.commit,
            "author": revision.author,
            "subject": revision.subject,
            "committedAt": timestamp(revision.committed_at) if revision.committed_at else "",
        }
    elif isinstance(before.get("source"), dict):
        result = {key: before["source"].get(key, "") for key in ("revision", "author", "subject", "committedAt")}
    if view.unavailable_since is not None:
        result["unavailableSince"] = timestamp(view.unavailable_since)
        result["message"] = str(view.source_error or "")[:_TEXT_LIMIT]
    return _drop_empty(result)


def _problem(problem: ObjectIssue) -> Object:
    return {
        "object": str(problem.key),
        "reason": problem.reason,
        "message": problem.message[:_TEXT_LIMIT],
    }


def _history(before: Object, view: ReconcileOutcome, *, now: datetime) -> list[Object]:
    """One entry for each sync that ended: newest first; a failure of one revision for one reason is one entry."""
    history: list[Object] = [entry for entry in before.get("history") or [] if isinstance(entry, dict)]
    if view.revision is None or view.suspended:
        return history
    synced, reason, message = _synced(view)
    under_way = view.observing or reason_of(reason).kind in (ReasonKind.PROGRESS, ReasonKind.WAIT)
    ended = synced is True or (synced is False and not under_way)
    newest = history[0] if history else {}
    same = newest.get("result") == reason and newest.get("plan") == view.plan
    repeated = newest.get("result") == reason and newest.get("revision") == view.revision.commit and synced is True
    if not ended or same or repeated:
        return history
    started = view.started or now
    entry: Object = {
        "revision": view.revision.commit,
        "plan": view.plan,
        "result": reason,
        "message": message[:_TEXT_LIMIT],
        "started": timestamp(started),
        "duration": f"{max(0.0, (now - started).total_seconds()):.1f}s",
        "actor": view.actor or view.revision.author,
    }
    return [_drop_empty(entry), *history][:_HISTORY_KEPT]


def _drop_empty(value: dict[str, Any]) -> Object:
    return {key: item for key, item in value.items() if item not in ("", None)}
