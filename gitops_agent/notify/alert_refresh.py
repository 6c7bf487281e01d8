"""Repeats alerts while they fire, and ends those without an event.

Problem: an alert manager forgets what is not repeated, and a message is sent once. Decision: alerts are read from where the
Applications stand, so nothing is kept for them: soon after a start, and every twelve hours, all that fires is sent again. A
recovery may be under way in the same moment, so what was repeated is checked once more a minute later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import LabelSelector, Notifier
from gitops_agent.errors import AgentError
from gitops_agent.notify.incident import incident_of
from gitops_agent.notify.message import Message
from gitops_agent.notify.routing import DEFAULT_EVENTS
from gitops_agent.notify.sender import Sender
from gitops_agent.observe.log import logger

_log = logger("notify")
FIRST_SECONDS = 30.0
"""After a start, until which the Applications are known."""
EVERY_SECONDS = 12 * 3600.0
CHECK_SECONDS = 60.0
_AGAIN_SECONDS = 300.0
"""After a receiver did not take one."""
_ENDS = {
    EventType.DEGRADED: EventType.RECOVERED,
    EventType.SYNC_FAILED: EventType.SYNCED,
    EventType.STALLED: EventType.SYNCED,
    EventType.SOURCE_UNAVAILABLE: EventType.SOURCE_RECOVERED,
}


class Levels(Protocol):
    """What is wrong with Applications now; thread-safe."""

    @property
    def ready(self) -> bool:
        """Whether the Applications are known."""
        ...

    def firing(self, selector: LabelSelector) -> Sequence[Message]:
        """The messages that begin the incidents of now.

        Args:
            selector: which Applications.
        """
        ...


class NoLevels:
    """Nothing is wrong, as far as is known."""

    ready = False

    def firing(self, selector: LabelSelector) -> Sequence[Message]:
        """Nothing."""
        del selector
        return ()


class AlertRefresh:
    """The alerts of one Notifier; used by its worker alone.

    Args:
        levels: what fires now.
        sender: makes the attempts.
        clock: aware time, UTC.
        monotonic: seconds that count the pauses.
    """

    def __init__(
        self,
        levels: Levels,
        sender: Sender,
        *,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._levels, self._sender, self._clock, self._monotonic = levels, sender, clock, monotonic
        self._fired: dict[str, Message] = {}
        self._full_at = monotonic() + FIRST_SECONDS
        self._check_at: float | None = None

    def pause(self) -> float:
        """Seconds until there is something to do."""
        return max(0.0, min(self._full_at, self._check_at or self._full_at) - self._monotonic())

    def run(self, notifier: Notifier) -> None:
        """Does what is due."""
        if self.pause() > 0:
            return
        now = self._monotonic()
        if not self._levels.ready:
            self._full_at = now + FIRST_SECONDS
            return
        spec = notifier.spec
        firing = {
            incident.key(message): message
            for message in self._levels.firing(spec.applications)
            if message.event in (spec.events or DEFAULT_EVENTS) and (incident := incident_of(message)) is not None
        }
        full = now >= self._full_at
        ended = {key: _end(message, self._clock()) for key, message in self._fired.items() if key not in firing}
        try:
            for key, message in ended.items():
                self._sender.send(notifier, message)
                del self._fired[key]
            for key, message in firing.items() if full else ():
                self._sender.send(notifier, message)
                self._fired[key] = message
        except AgentError as error:
            _log.warning("alerts could not be repeated", notifier=str(notifier.key), error=error)
            self._full_at, self._check_at = now + _AGAIN_SECONDS, None
            return
        self._check_at = now + CHECK_SECONDS if full and self._fired else None
        self._full_at = now + EVERY_SECONDS if full else self._full_at


def _end(message: Message, now: datetime) -> Message:
    return replace(message, event=_ENDS[message.event], at=now, text="it is over")
