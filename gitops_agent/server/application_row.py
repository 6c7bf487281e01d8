"""Makes the row of an Application, as list and stream have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from gitops_agent.api.application_row import SHORT, State, state_of, summary
from gitops_agent.api.conditions import condition_of
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.operations.requests import source_approval
from gitops_agent.server.plain_text import plain
from gitops_agent.server.views.applications import ApplicationRow, Counts, RolloutMark, StateCounts

_MESSAGE = 160
_SUBJECT = 80
_AUTHOR = 80
_ORDER = {state: number for number, state in enumerate(State)}
_URGENT = ("Abort", "Held", "Paused", "Step", "Promote", "Provision", "Pending", "Finalize", "Superseded", "Idle")

Policies = Callable[[AppKey], Object | None]
"""The live RolloutPolicy of a key, None when it is not known."""


def row_of(application: Object, policies: Policies) -> ApplicationRow:
    """The row of a live Application."""
    texts, metadata, status = summary(application), application["metadata"], application.get("status") or {}
    source, resources = status.get("source") or {}, status.get("resources") or {}
    state = state_of(application, texts)
    suspend = (application.get("spec") or {}).get("suspend")
    reason = str(suspend.get("reason") or "") if isinstance(suspend, dict) else ""
    return ApplicationRow(
        ns=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
        state=state,
        ready=texts["ready"],
        reason=texts["reason"],
        sync=texts["sync"],
        health=texts["health"],
        message=plain(texts["message"], _MESSAGE),
        applied=texts["applied"],
        seen=texts["seen"],
        subject=plain(str(source.get("subject") or ""), _SUBJECT),
        author=plain(str(source.get("author") or ""), _AUTHOR),
        changedAt=str(condition_of(application, "Ready").get("lastTransitionTime") or ""),
        counts=counts_of(resources),
        rollout=rollout_mark(status.get("rollouts") or (), policies),
        held=waiting_hash(application, texts["reason"])[:SHORT],
        paused=plain(reason, _MESSAGE) if texts["reason"] == "Suspended" else None,
        labels={str(name): str(value) for name, value in (metadata.get("labels") or {}).items()},
    )


def decoded(places: list[Any]) -> ApplicationRow:
    """A row of JSON."""
    row = ApplicationRow._make(places)
    mark = RolloutMark._make(row.rollout) if row.rollout else None
    return row._replace(state=State(row.state), counts=Counts._make(row.counts), rollout=mark)


def counts_of(resources: Object) -> Counts:
    """The numbers of its objects."""
    total, drifted, unhealthy = resources.get("total"), resources.get("drifted"), resources.get("unhealthy")
    return Counts(int(total or 0), int(drifted or 0), int(unhealthy or 0))


def waiting_hash(application: Object, reason: str) -> str:
    """The hash that waits for an approval; empty when none does."""
    status = application.get("status") or {}
    if reason in ("HeldForApproval", "WindowClosed"):
        return str((status.get("sync") or {}).get("plan") or "")
    return source_approval(application)


def rollout_mark(rollouts: Iterable[Object], policies: Policies) -> RolloutMark | None:
    """The most urgent rollout, in three values."""
    worst = min(rollouts, key=lambda rollout: _rank(str(rollout.get("phase"))), default=None)
    if worst is None:
        return None
    verified = None
    try:
        workload = ObjectKey.parse(str(worst.get("workload")))
    except ValueError:
        policy = None
    else:
        policy = policies(AppKey(workload.namespace, str(worst.get("policy"))))
    if policy is not None:
        verified = bool((policy.get("status") or {}).get("verified"))
    return RolloutMark(phase=str(worst.get("phase") or ""), weight=int(worst.get("weight") or 0), verified=verified)


def urgency(state: State) -> int:
    """Sort key: what needs a person first."""
    return _ORDER[state]


def counted(states: Iterable[State]) -> StateCounts:
    """How many Applications are in which state."""
    counts = Counter(states)
    return StateCounts(**{state.name.lower(): counts[state] for state in State})


def _rank(phase: str) -> int:
    return _URGENT.index(phase) if phase in _URGENT else len(_URGENT)
