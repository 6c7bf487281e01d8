"""Merges identical messages within a window into one with a count.

Events are edges, but an application that flaps makes many of them. The first is sent at once; identical ones (same id) in the
five minutes after it are counted and sent once, when the window ends. An edge that ends the story (recovered, synced again)
closes the window of what it ends, so the next breakage is sent at once again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from gitops_agent.api.event_type import EventType
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.message import Message

WINDOW = timedelta(minutes=5)

_OPPOSITES = (
    (EventType.DEGRADED, EventType.RECOVERED),
    (EventType.SYNC_FAILED, EventType.SYNCED),
    (EventType.STALLED, EventType.SYNCED),
    (EventType.SOURCE_UNAVAILABLE, EventType.SOURCE_RECOVERED),
    (EventType.SUSPENDED, EventType.RESUMED),
    (EventType.HELD, EventType.APPROVED),
    (EventType.ROLLOUT_ABORTED, EventType.PROMOTED),
    (EventType.ROLLED_BACK, EventType.SYNCED),
)


def ended_by(event: EventType) -> frozenset[EventType]:
    """The types of edges that an edge ends, in both directions.

    Drift is not among them: its repair repeats with it.
    """
    return frozenset({a for a, b in _OPPOSITES if b is event} | {b for a, b in _OPPOSITES if a is event})


class Deduplicator:
    """The open windows of one receiver. Not thread-safe; reads no clock.

    Args:
        window: how long identical messages are folded.
    """

    def __init__(self, window: timedelta = WINDOW) -> None:
        self._window = window
        self._ends: dict[str, tuple[datetime, AppKey, EventType]] = {}

    def until(self, message: Message, now: datetime) -> datetime | None:
        """None for a message to send now, else the window's end.

        A message to send now opens its window.
        """
        self._ends = {id_: entry for id_, entry in self._ends.items() if entry[0] > now}
        if (end := self._ends.get(message.id)) is not None:
            return end[0]
        self._ends[message.id] = (now + self._window, message.application, message.event)
        return None

    def close(self, message: Message) -> frozenset[str]:
        """Closes the windows of what the message ends; returns their ids."""
        ended = ended_by(message.event)
        closed = frozenset(
            id_ for id_, (_, application, event) in self._ends.items() if application == message.application and event in ended
        )
        self.forget(closed)
        return closed

    def forget(self, ids: Iterable[str]) -> None:
        """Closes windows."""
        for id_ in ids:
            self._ends.pop(id_, None)
