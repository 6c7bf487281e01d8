"""Events: the values that statuses, notifiers, metrics and history subscribe to.

Events are edges, not levels: an application that stays broken emits nothing. The reconciler computes them by comparing what it
is about to write into the status of the Application with what stands there, and the status is written only after the outbox of
the notifiers has been saved. A crash in between repeats an event, it never loses one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gitops_agent.api.event_type import EventType
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.revision.revision import Revision

__all__ = ["Event", "EventType", "Severity"]


class Severity(StrEnum):
    """How much a person should care."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One edge of one application.

    Attributes:
        type: what kind of edge.
        application: whose.
        at: aware, UTC.
        severity: how much a person should care.
        reason: a code from the table of reasons.
        message: one line or a few, without secrets, at most 1,000 characters.
        revision: the commit it is about, when there is one.
        objects: the objects it is about (the first ten).
        facts: JSON values for scripts and templates.
    """

    type: EventType
    application: AppKey
    at: datetime
    severity: Severity = Severity.INFO
    reason: str = ""
    message: str = ""
    revision: Revision | None = None
    objects: tuple[ObjectKey, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
