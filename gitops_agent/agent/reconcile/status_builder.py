"""Builds an Application's status from the outcome of a reconcile. Pure.

Its readers are users and kstatus.

Nothing in a status changes with the clock alone, so an idle agent writes nothing; `lastTransitionTime` and the history
move only with a real transition.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from gitops_agent.agent.reconcile.deletion_budget import recent_of
from gitops_agent.agent.reconcile.delivery import advance
from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.republication_status import held, republication_status
from gitops_agent.agent.reconcile.signature_status import SIGNATURE_CONDITIONS, signature_conditions, signature_status
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.api.conditions import find_condition, set_condition
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import short as short_name
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.revision.revision import ChartRevision, Revision
from gitops_agent.rollout.state import Phase
from gitops_agent.source.chart.republication import REPUBLISHED
from gitops_agent.sync.action import LEFT_BEHIND
from gitops_agent.sync.health.status import UNHEALTHY, Status
from gitops_agent.sync.planning.unlistable_objects import to_json
from gitops_agent.sync.rollback import RollbackState

_STALLING = ("InvalidSpec", "WrongCluster")
_PROBLEMS_SHOWN = 10
_WARNINGS_SHOWN = 10
_HISTORY_KEPT = 20
_TEXT_LIMIT = 500
_ROUNDING = timedelta(seconds=2)
_SOURCE_KEPT = ("revision", "author", "subject", "committedAt", "chart", "dependencies", "values")
"""What stays known of the last revision."""


def status(before: Object, outcome: ReconcileOutcome, *, generation: int, now: datetime) -> Object:
    """The status to write after a reconcile.

    Args:
        before: the status in the cluster.
        outcome: of the reconcile.
        generation: of the spec that was reconciled.
        now: aware, UTC; used only where something changed.
    """
    result: Object = {
        "observedGeneration": generation,
        "conditions": _conditions(before, outcome, generation=generation, now=now),
        "sync": _sync(before, outcome, now=now),
        "health": _health(before, outcome),
        "source": _source(before, outcome),
        "resources": {
            "total": outcome.total,
            "synced": outcome.synced,
            "drifted": outcome.drifted,
            "unhealthy": outcome.unhealthy,
            **({"leftOut": outcome.left_out} if outcome.left_out else {}),
            **({"kinds": to_json(outcome.kinds)} if outcome.kinds else {}),
            "problems": [_problem(problem) for problem in outcome.problems[:_PROBLEMS_SHOWN]],
        },
    }
    result["history"] = _history(before, outcome, result["sync"].get("approved") or {}, now=now)
    if outcome.warnings:
        result["warnings"] = [warning[:_TEXT_LIMIT] for warning in outcome.warnings[:_WARNINGS_SHOWN]]
    if outcome.rollouts:
        result["rollouts"] = [
            {"policy": rollout.policy.name, "workload": str(rollout.workload), "phase": rollout.phase, "weight": rollout.weight}
            | ({"approval": rollout.approval} if rollout.approval else {})
            for rollout in outcome.rollouts
        ]
    hooks = before.get("hooks") if outcome.hooks is None else outcome.hooks
    if hooks:
        result["hooks"] = dict(hooks)
    rollback = before.get("rollback") if outcome.rollback is None else outcome.rollback.to_json()
    if rollback:
        result["rollback"] = rollback
    delivery, result["history"] = advance(before, result, outcome, now=now)
    if delivery:
        result["delivery"] = delivery
    return result


def ready(outcome: ReconcileOutcome) -> tuple[bool | None, str, str]:
    """The Ready condition (status, reason, message): the one line users read first."""
    synced, reason, message = _synced(outcome)
    if outcome.suspended:
        return None, "Suspended", outcome.suspended
    if synced is not True:
        return synced, reason, message
    if outcome.judgement is not None and outcome.judgement.reason:
        return False, outcome.judgement.reason, outcome.judgement.message
    republished = held(outcome)
    if republished is not None:
        return False, REPUBLISHED, republished[1]
    health = outcome.health
    if health is None or health.status is Status.HEALTHY:
        return True, "Synced", message
    if health.status is Status.SUSPENDED:
        return True, "Synced", f"{message}; suspended: {health.message}"
    return (None if health.status is Status.PROGRESSING else False), health.status.value, _summary(outcome)


def _synced(outcome: ReconcileOutcome) -> tuple[bool | None, str, str]:
    if outcome.error is not None:
        return False, outcome.error.reason, str(outcome.error)
    if outcome.revision is None and outcome.judgement is not None and outcome.judgement.reason:
        return False, outcome.judgement.reason, outcome.judgement.message
    if outcome.revision is None:
        reason = outcome.source_error.reason if outcome.source_error else "Fetching"
        message = outcome.source_error or outcome.waiting or "the repository is being fetched for the first time"
        return None, reason, str(message)
    short = outcome.revision.short
    if outcome.held:
        return False, "HeldForApproval", outcome.held
    failed = [problem for problem in outcome.problems if _failed(problem)]
    if not failed and outcome.rollback is not None and outcome.rollback.held:
        return False, "RolledBack", _rejected(short, outcome.applied, outcome.rollback)
    preparing = (outcome.hooks or {}).get("phase") == "pre-sync" and bool(outcome.waiting)
    rollout = None if failed or outcome.suspended or preparing else _rollout(outcome)
    if rollout is not None:
        return rollout
    if outcome.sync is SyncStatus.SYNCED:
        return True, "Synced", f"{short} is applied: {_counted(outcome)}"
    return _behind(outcome, failed)


def _rejected(short: str, applied: str, rollback: RollbackState) -> str:
    """Why the newest commit is not applied, and what is."""
    healthy = rollback.healthy.commit if rollback.healthy else ""
    cause = f": {rollback.rejected[0].reason}" if rollback.rejected else ""
    verb = "is applied" if applied == healthy else "is being applied again"
    return f"{short} is rejected{cause}; {short_name(healthy)} {verb}"


def _failed(problem: ObjectIssue) -> bool:
    """Whether a problem is a failed sync; health has its own condition."""
    return problem.reason not in UNHEALTHY | LEFT_BEHIND and reason_of(problem.reason).kind is ReasonKind.FAILURE


def _counted(outcome: ReconcileOutcome) -> str:
    """How much a revision declares, and what of it is not applied."""
    if not outcome.total and not outcome.left_out and not any(problem.reason in LEFT_BEHIND for problem in outcome.problems):
        return "it declares no object"
    left_out = f", {outcome.left_out} left out" if outcome.left_out else ""
    behind = sum(1 for problem in outcome.problems if problem.reason in LEFT_BEHIND)
    left_behind = f", {behind} left behind" if behind else ""
    return f"{outcome.total} object{'' if outcome.total == 1 else 's'}{left_out}{left_behind}"


def _behind(outcome: ReconcileOutcome, failed: list[ObjectIssue]) -> tuple[bool | None, str, str]:
    """Why the cluster is not yet what the revision declares."""
    short = outcome.revision.short if outcome.revision else ""
    if outcome.window is not None:
        return False, "WindowClosed", f"{short}: {outcome.window}"
    if outcome.observing:
        return (
            False,
            "Observing",
            f"{outcome.drifted} of {outcome.total} objects differ from {short}; nothing is changed in mode observe",
        )
    if failed:
        first = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        return False, first.reason, f"{f'{short}: ' if short else ''}{first.key}: {first.message}{more}"
    if outcome.waiting:
        return False, "WaitingFor", f"{short}: {outcome.waiting}" if short else outcome.waiting
    missing = [problem for problem in outcome.problems if problem.reason == "Missing"] if outcome.drifted else []
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        return False, "Missing", f"{short}: {missing[0].key}: {missing[0].message}{more}"
    return False, "Progressing", f"{short} is being applied"


def _rollout(outcome: ReconcileOutcome) -> tuple[bool | None, str, str] | None:
    """The Ready condition of rollouts; None when all are at rest.

    One that was rolled back goes first, then one that the API server refuses, then one that waits for a user.
    """
    shown = sorted(
        (rollout for rollout in outcome.rollouts if rollout.failed or (rollout.open and not _gated(rollout, outcome))),
        key=lambda rollout: (not rollout.failed, not rollout.refused, not rollout.waits, rollout.workload),
    )
    if not shown:
        return None
    first = shown[0]
    more = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
    reason = "RolloutPaused" if first.waits else "RollingOut"
    reason = "RolledBack" if first.failed else "PreflightFailed" if first.refused else reason
    return False if first.failed or first.refused else None, reason, f"{first.workload}: {first.message}{more}"


def _gated(rollout: RolloutSummary, outcome: ReconcileOutcome) -> bool:
    """Whether a rollout that has done nothing yet waits for its window."""
    return outcome.window is not None and rollout.phase == Phase.PENDING


def _summary(outcome: ReconcileOutcome) -> str:
    shown = [f"{problem.key}: {problem.message}" for problem in outcome.problems[:3]]
    more = f" (and {outcome.unhealthy - 3} more)" if outcome.unhealthy > len(shown) == 3 else ""  # noqa: PLR2004 - as many as are shown
    return ("; ".join(shown) or (outcome.health.message if outcome.health else "")) + more


def _conditions(before: Object, outcome: ReconcileOutcome, *, generation: int, now: datetime) -> list[Object]:
    conditions: list[Object] = [c for c in before.get("conditions") or [] if isinstance(c, dict)]
    healthy = outcome.health.status if outcome.health else None
    error = outcome.error
    stalled = outcome.stalled or (error is not None and error.reason in _STALLING)
    ready_status, ready_reason, ready_message = ready(outcome)
    synced_status, synced_reason, synced_message = _synced(outcome)
    reconciling = (
        not stalled and not outcome.suspended and (ready_status is None or (outcome.waiting != "" and ready_status is not True))
    )
    health_status = (
        None if healthy in (None, Status.UNKNOWN, Status.PROGRESSING) else healthy in (Status.HEALTHY, Status.SUSPENDED)
    )
    health_reason = healthy.value if healthy else "Unknown"
    updates: tuple[tuple[str, bool | None, str, str], ...] = (
        ("Ready", ready_status, ready_reason, ready_message),
        ("Synced", synced_status, synced_reason, synced_message),
        (
            "Healthy",
            health_status,
            health_reason,
            _summary(outcome) if health_status is not True else "every object is healthy",
        ),
        ("Reconciling", reconciling, ready_reason, ready_message),
        ("Stalled", stalled, ready_reason, ready_message),
    )
    if outcome.held:
        updates = (*updates, ("Held", True, "HeldForApproval", outcome.held))
    elif find_condition(conditions, "Held") is not None:
        updates = (*updates, ("Held", False, synced_reason, "nothing is held"))
    updates = (*updates, *signature_conditions(conditions, outcome))
    if not outcome.demanded:
        conditions = [condition for condition in conditions if condition.get("type") not in SIGNATURE_CONDITIONS]
    for kind, value, reason, message in updates:
        conditions = set_condition(conditions, kind, value, reason, message[:_TEXT_LIMIT], generation=generation, now=now)
    return conditions


def _sync(before: Object, outcome: ReconcileOutcome, *, now: datetime) -> Object:
    """What is applied, and the last approval that was acted on."""
    old = before.get("sync") or {}
    approved, plan = old.get("approved"), outcome.approved
    if plan is not None and (approved or {}).get("hash") != plan.hash:
        approved = _drop_empty({"hash": plan.hash, "by": plan.by, "via": plan.via, "at": timestamp(now)})
    revision = {"revision": outcome.applied, "shortRevision": short_name(outcome.applied)}
    sync = _drop_empty({"status": outcome.sync.value, **revision, "plan": outcome.plan, "approved": approved})
    if outcome.window is not None:
        opens = timestamp(outcome.window.opens) if outcome.window.opens is not None else ""
        sync["window"] = _drop_empty({"opensAt": opens, "closedBy": outcome.window.windows[:_TEXT_LIMIT]})
    return _drop_empty(sync | {"overBudget": outcome.over_budget, "deletions": _deletions(old, outcome)})


def _deletions(old: Object, outcome: ReconcileOutcome) -> Object | None:
    """The counted deletions; the status keeps the last ones as they are."""
    recent, before = outcome.deletions, recent_of({"status": {"sync": old}})
    if recent is None:
        return old.get("deletions")
    if before is not None and recent.count <= before.count and abs(recent.at - before.at) <= _ROUNDING:
        return old.get("deletions")
    return {"count": recent.count, "at": timestamp(recent.at)}


def _approved_by(history: list[Object], approved: Object) -> Object:
    """The approval of an ended sync: no earlier entry has it."""
    plan = approved.get("hash")
    if not plan or any(entry.get("approved") == plan for entry in history):
        return {}
    return {"approved": plan, "approver": approved.get("by") or ""}


def _health(before: Object, outcome: ReconcileOutcome) -> Object:
    """Health of the objects; the degrading commit stays until they are healthy."""
    now = outcome.health.status if outcome.health else Status.UNKNOWN
    problems = [problem for problem in outcome.problems if problem.reason not in LEFT_BEHIND][:_PROBLEMS_SHOWN]
    reasons = [f"{problem.key}: {problem.message}"[:_TEXT_LIMIT] for problem in problems]
    result: Object = {"status": now.value, "reasons": reasons}
    old = before.get("health") or {}
    degraded = str(old.get("degradedRevision") or "")
    if now is Status.DEGRADED and (not degraded or old.get("status") != now.value):
        degraded = outcome.revision.commit if outcome.revision else outcome.applied
    if degraded and now not in (Status.HEALTHY, Status.SUSPENDED):
        result["degradedRevision"] = degraded
    return result


def _source(before: Object, outcome: ReconcileOutcome) -> Object:
    revision = outcome.revision
    result: Object = {}
    if revision is not None:
        result = {
            "revision": revision.commit,
            "author": revision.author,
            "subject": revision.subject,
            "committedAt": timestamp(revision.committed_at) if revision.committed_at else "",
            "chart": _chart(revision.chart),
            "dependencies": _dependencies(before, revision),
            "values": [
                {"repository": values_revision.repository, "ref": values_revision.ref, "commit": values_revision.commit}
                for values_revision in revision.values
            ]
            or None,
        }
    elif isinstance(before.get("source"), dict):
        result = {key: before["source"].get(key, "") for key in _SOURCE_KEPT}
    if outcome.unavailable_since is not None:
        result["unavailableSince"] = timestamp(outcome.unavailable_since)
        result["message"] = str(outcome.source_error or "")[:_TEXT_LIMIT]
    return _drop_empty(result | signature_status(before, outcome) | republication_status(before, outcome))


def _chart(chart: ChartRevision | None) -> Object | None:
    if chart is None:
        return None
    names = {"repository": chart.repository, "name": chart.name, "version": chart.version, "digest": chart.digest}
    return {**names, "range": chart.range, "resolvedAt": timestamp(chart.resolved_at)}


def _dependencies(before: Object, revision: Revision) -> list[Object]:
    """The charts that were fetched, as known since the last render."""
    if revision.dependencies is None:
        earlier = (before.get("source") or {}).get("dependencies")
        return earlier if isinstance(earlier, list) else []
    return [
        _drop_empty({**(_chart(dependency.chart) or {}), "parent": dependency.parent}) for dependency in revision.dependencies
    ]


def _problem(problem: ObjectIssue) -> Object:
    return {
        "object": str(problem.key),
        "reason": problem.reason,
        "message": problem.message[:_TEXT_LIMIT],
    }


def _history(before: Object, outcome: ReconcileOutcome, approved: Object, *, now: datetime) -> list[Object]:
    """History of ended syncs, newest first.

    A failure of one revision for one reason is one entry.
    """
    history: list[Object] = [entry for entry in before.get("history") or [] if isinstance(entry, dict)]
    if outcome.revision is None or outcome.suspended:
        return history
    synced, reason, message = _synced(outcome)
    under_way = outcome.observing or reason_of(reason).kind in (ReasonKind.PROGRESS, ReasonKind.WAIT)
    ended = synced is True or (synced is False and not under_way)
    newest = history[0] if history else {}
    same = newest.get("result") == reason and newest.get("plan") == outcome.plan
    rejected = outcome.rollback is not None and outcome.rollback.held and reason == "RolledBack"
    unchanged = newest.get("result") == reason and newest.get("revision") == outcome.revision.commit
    repeated = unchanged and (synced is True or rejected)
    if not ended or same or repeated:
        return history
    started = outcome.started or now
    entry: Object = {
        "revision": outcome.revision.commit,
        "plan": outcome.plan,
        "result": reason,
        "message": message[:_TEXT_LIMIT],
        "started": timestamp(started),
        "duration": f"{max(0.0, (now - started).total_seconds()):.1f}s",
        "actor": outcome.actor or outcome.revision.author,
    }
    if reason != "HeldForApproval":
        entry |= _approved_by(history, approved)
    return [_drop_empty(entry), *history][:_HISTORY_KEPT]


def _drop_empty(value: dict[str, Any]) -> Object:
    return {key: item for key, item in value.items() if item not in ("", None)}
