"""Conditions as kstatus and `kubectl wait` read them.

Ready, Synced, Healthy and Held are always there once known; Reconciling and Stalled are there only while they are true, because
kstatus takes their mere presence as a sign. `lastTransitionTime` changes with the status and with nothing else: an idle
application writes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp

_MESSAGE_LIMIT = 32_768
_TRANSIENT = frozenset({"Reconciling", "Stalled"})


def set_condition(
    existing: list[dict[str, Any]],
    type: str,  # noqa: A002 - the name of the field
    status: bool | None,  # noqa: FBT001 - three states, always passed by keyword
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """A new list with one condition replaced or appended.

    Args:
        existing: the conditions so far; not changed.
        type: which one.
        status: True, False, or None for Unknown; a Reconciling or Stalled that is not True is left out.
        reason: a code from the table of reasons.
        message: for people; cut at what the API server takes.
        generation: of the spec this speaks about.
        now: aware.
    """
    if type in _TRANSIENT and not status:
        return [condition for condition in existing if condition.get("type") != type]
    text = "Unknown" if status is None else str(status)
    previous = find_condition(existing, type)
    same = previous is not None and previous.get("status") == text
    condition = {
        "type": type,
        "status": text,
        "reason": reason,
        "message": message[:_MESSAGE_LIMIT],
        "observedGeneration": generation,
        "lastTransitionTime": (previous or {}).get("lastTransitionTime") if same else None,
    }
    condition["lastTransitionTime"] = condition["lastTransitionTime"] or timestamp(now)
    if previous is None:
        return [*existing, condition]
    return [condition if entry is previous else entry for entry in existing]


def find_condition(conditions: Any, type: str) -> dict[str, Any] | None:  # noqa: A002 - the name of the field
    """The condition of a type in raw conditions, or None."""
    entries = conditions if isinstance(conditions, list) else ()
    return next((entry for entry in entries if isinstance(entry, dict) and entry.get("type") == type), None)


def condition_of(obj: Object, type: str) -> Object:  # noqa: A002 - the name of the field
    """The condition of a type in an object's status; empty when absent."""
    return find_condition((obj.get("status") or {}).get("conditions"), type) or {}
