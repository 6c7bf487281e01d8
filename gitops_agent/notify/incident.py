"""Incidents: the problems that begin with one event and end with another.

Problem: a pager and an alert manager keep levels (something is broken now), notifications are edges. Decision: only edges whose
end is certain to come open an incident; an outcome such as a rollback, after which production works, is no incident. One
application may have one incident of each kind at a time, and the edge that ends it carries the same key.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.message import Message


@dataclass(frozen=True, slots=True)
class IncidentKind:
    """A kind of incident.

    Attributes:
        name: in CamelCase, as alerts are named.
        severity: `critical` or `warning`.
    """

    name: str
    severity: str


SYNC = IncidentKind("SyncFailed", "critical")
HEALTH = IncidentKind("Degraded", "critical")
SOURCE = IncidentKind("SourceUnavailable", "warning")
TEST = IncidentKind("Test", "warning")
"""Of a test message, which ends an incident that never began: it is accepted like any other, and wakes no person."""

_BEGINS = {
    EventType.SYNC_FAILED: SYNC,
    EventType.STALLED: SYNC,
    EventType.DEGRADED: HEALTH,
    EventType.SOURCE_UNAVAILABLE: SOURCE,
}
_ENDS = {
    EventType.SYNCED: SYNC,
    EventType.RECOVERED: HEALTH,
    EventType.SOURCE_RECOVERED: SOURCE,
    EventType.TEST: TEST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """The incident a message is about.

    Attributes:
        kind: of problem.
        open: whether the message begins it, or ends it.
    """

    kind: IncidentKind
    open: bool

    def key(self, message: Message) -> str:
        """What identifies it: the application and the kind."""
        return f"gitops-agent/{message.application}/{self.kind.name}"


def incident_of(message: Message) -> Incident | None:
    """The incident a message begins or ends, None for every other message."""
    if (kind := _BEGINS.get(message.event)) is not None:
        return Incident(kind=kind, open=True)
    if (kind := _ENDS.get(message.event)) is not None:
        return Incident(kind=kind, open=False)
    return None
