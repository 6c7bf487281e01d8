"""The row of an Application, for CLI, API and page.

Pure: all of it is in the live object, and nothing changes with the clock alone.
"""

from __future__ import annotations

from enum import StrEnum

from gitops_agent.api.conditions import condition_of
from gitops_agent.api.reasons import ReasonKind, reason_of
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import short

SHORT = 12
"""Digits of a commit or hash that a person reads."""


_STOPPED = frozenset({"Suspended", "RolloutPaused", "Observing"})
"""A person stopped it; nothing is wrong."""


class State(StrEnum):
    """What an Application is like, in one word; the worst first."""

    DEGRADED = "Degraded"
    HELD = "Held"
    MISSING = "Missing"
    UNKNOWN = "Unknown"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    HEALTHY = "Healthy"


def summary(application: Object) -> dict[str, str]:
    """The row's texts, by column."""
    status_ = application.get("status") or {}
    sync, source = status_.get("sync") or {}, status_.get("source") or {}
    ready = condition_of(application, "Ready")
    return {
        "name": application["metadata"]["name"],
        "sync": str(sync.get("status") or "Unknown"),
        "health": str((status_.get("health") or {}).get("status") or "Unknown"),
        "applied": short(str(sync.get("revision") or "")),
        "seen": short(str(source.get("revision") or "")),
        "ready": str(ready.get("status") or "Unknown"),
        "reason": str(ready.get("reason") or "NotReconciled"),
        "message": str(ready.get("message") or "not reconciled yet: is the agent running?"),
    }


def source_text(source: Object) -> str:
    """What an Application follows, in words."""
    chart = source.get("chart")
    if chart:
        return f"{chart.get('repository')}, chart {chart.get('name')} {chart.get('version')}"
    follows = ", ".join(f"{kind} {value}" for kind, value in (source.get("ref") or {}).items())
    return f"{source['repoURL']}, {follows}, path {source.get('path') or '.'}"


def held(application: Object) -> bool:
    """Whether its plan or a step of a rollout waits for approval."""
    return _held(application, summary(application)["reason"])


def state_of(application: Object, row: dict[str, str]) -> State:
    """Its state in one word, by its row."""
    reason, health = row["reason"], row["health"]
    if _held(application, reason):
        return State.HELD
    if reason in _STOPPED:
        return State.PAUSED
    if row["ready"] == "True":
        return State.HEALTHY
    if reason == "NotReconciled":
        return State.UNKNOWN
    if health == "Degraded":
        return State.DEGRADED
    if health == "Missing":
        return State.MISSING
    kind = reason_of(reason).kind
    if kind in (ReasonKind.PROGRESS, ReasonKind.WAIT):
        return State.PROGRESSING
    return State.DEGRADED if row["ready"] == "False" or kind is ReasonKind.FAILURE else State.UNKNOWN


def _held(application: Object, reason: str) -> bool:
    rollouts = (application.get("status") or {}).get("rollouts") or ()
    return reason == "HeldForApproval" or (reason == "RolloutPaused" and any(rollout.get("approval") for rollout in rollouts))
