"""Figures of delivery, computed from the history of an Application. Pure.

Problem: users believe a figure that they can check.
Decision: the agent marks each deployment in `status.history` with when it was live, failed and recovered; the figures of an
Application are made of these entries alone, which the timeline shows beside them. The history is short, so the figures name the
day from which on they count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from gitops_agent.api.status import seconds_between
from gitops_agent.manifest.key import Object

DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The five figures of delivery of an Application.

    Attributes:
        since: the start of the time they are about; aware, UTC.
        deployments: how many commits changed the application.
        per_day: deployments a day; of less than a day as if it were one.
        lead_seconds: half of the commits were live sooner; None where none was.
        failed: deployments that were Degraded, refused, rolled back or reverted.
        fail_rate: their share of all, 0 to 1; None without a deployment.
        recovery_seconds: half of the failures were over sooner; None where none is.
        rework_rate: the share that reverts or follows a failed one, 0 to 1; None without a deployment.
    """

    since: datetime
    deployments: int
    per_day: float
    lead_seconds: float | None
    failed: int
    fail_rate: float | None
    recovery_seconds: float | None
    rework_rate: float | None


def figures(history: Iterable[Object], now: datetime) -> Figures:
    """The figures of the last 30 days, as far as remembered."""
    start = now - timedelta(days=DAYS)
    entries = [entry for entry in history if (_begun(entry) or start) >= start]
    newest: dict[str, Object] = {}
    for entry in entries:
        if result_of(entry) and not entry.get("returned"):
            newest.setdefault(str(entry.get("revision")), entry)
    deployed = list(newest.values())
    since = max(start, min((begun for entry in entries if (begun := _begun(entry)) is not None), default=start))
    failed = [entry for entry in deployed if entry.get("failed")]
    return Figures(
        since=since,
        deployments=len(deployed),
        per_day=len(deployed) / max(1.0, (now - since) / timedelta(days=1)),
        lead_seconds=_middle([seconds for entry in deployed if (seconds := lead_seconds(entry)) is not None]),
        failed=len(failed),
        fail_rate=len(failed) / len(deployed) if deployed else None,
        recovery_seconds=_middle([seconds for entry in failed if (seconds := recovery_seconds(entry)) is not None]),
        rework_rate=sum(1 for entry in deployed if entry.get("rework")) / len(deployed) if deployed else None,
    )


def result_of(entry: Object) -> Literal["", "succeeded", "failed", "rolledBack"]:
    """What became of a deployment: `succeeded`, `failed` or `rolledBack`.

    Empty for an entry that is no deployment, or of which nothing is decided yet.
    """
    if entry.get("failed"):
        return "rolledBack" if entry.get("failure") == "RolledBack" else "failed"
    return "succeeded" if entry.get("live") else ""


def lead_seconds(entry: Object) -> float | None:
    """Seconds from the commit until it was live; None where unknown."""
    return seconds_between(entry.get("committedAt"), entry.get("live"))


def recovery_seconds(entry: Object) -> float | None:
    """Seconds from a failure until the application was healthy again."""
    return seconds_between(entry.get("failed"), entry.get("recovered"))


def _begun(entry: Object) -> datetime | None:
    try:
        begun = datetime.fromisoformat(str(entry.get("started")))
    except ValueError:
        return None
    return begun if begun.tzinfo is not None else None


def _middle(values: Sequence[float]) -> float | None:
    return median(values) if values else None
