"""Which Notifier wants which event."""

from __future__ import annotations

from collections.abc import Mapping

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import Notifier
from gitops_agent.events.event import Event

DEFAULT_EVENTS = frozenset(
    {
        EventType.SYNCED,
        EventType.SYNC_FAILED,
        EventType.DEGRADED,
        EventType.RECOVERED,
        EventType.ROLLED_BACK,
        EventType.DRIFT_DETECTED,
        EventType.DRIFT_REPAIRED,
        EventType.HELD,
        EventType.UNVERIFIED,
        EventType.SOURCE_UNAVAILABLE,
        EventType.SOURCE_RECOVERED,
        EventType.ROLLOUT_PAUSED,
        EventType.ROLLOUT_ABORTED,
        EventType.PROMOTED,
    }
)
"""The default events of a Notifier: those a user acts on, and their end."""


def wants(notifier: Notifier, event: Event, labels: Mapping[str, str]) -> bool:
    """Whether an event matches a Notifier.

    Args:
        notifier: who.
        event: what happened.
        labels: of the application it happened to.
    """
    spec = notifier.spec
    return (
        event.application.namespace == notifier.key.namespace
        and event.type in (spec.events or DEFAULT_EVENTS)
        and spec.applications.matches(labels)
    )
