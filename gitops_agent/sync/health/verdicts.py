"""Verdicts of health rules, and the rule for one Ready condition."""

from __future__ import annotations

from collections.abc import Collection

from gitops_agent.sync.health.reading import Condition
from gitops_agent.sync.health.status import Health, Status


def healthy(reason: str = "", message: str = "") -> Health:
    """Nothing to wait for; a reason and message are a note."""
    return Health(Status.HEALTHY, reason, message)


def progressing(reason: str, message: str) -> Health:
    """On its way, or waiting for something that can still come."""
    return Health(Status.PROGRESSING, reason, message)


def suspended(reason: str, message: str) -> Health:
    """Suspended by its owner."""
    return Health(Status.SUSPENDED, reason, message)


def degraded(reason: str, message: str) -> Health:
    """Broken: waiting longer is not expected to help."""
    return Health(Status.DEGRADED, reason, message)


def by_condition(condition: Condition, *, name: str, waiting: Collection[str] = ()) -> Health:
    """The verdict by one condition: True Healthy, False Degraded, else Progressing.

    False is Progressing for the reasons in `waiting`; absent or Unknown is Progressing.

    For operators whose False means "failed" rather than "not yet".
    """
    if condition.value == "True":
        return healthy()
    if condition.value == "False" and condition.reason not in waiting:
        return degraded(condition.reason or f"Not{name}", condition.said(f"condition {name} is False"))
    return progressing(condition.reason or f"Not{name}", condition.said(f"no controller has reported {name} yet"))
