"""Ports of the agent: callbacks that lower components receive.

Everything else a class needs is an object of a lower layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gitops_agent.agent.work_queue import Priority
from gitops_agent.events.event import Event
from gitops_agent.manifest.key import AppKey, Object


class Observer(Protocol):
    """Learns that something of an application changed; must return at once."""

    def __call__(self, key: AppKey, /) -> object:
        """Takes the application, in any thread."""


class Wake(Protocol):
    """Puts an application on the work queue."""

    def __call__(self, key: AppKey, reason: str, priority: Priority, /) -> None:
        """Queues the application, with a reason and a priority."""


class EventSink(Protocol):
    """Publishes the events of an application."""

    def emit(self, application: Object, events: Sequence[Event]) -> None:
        """Saves events for the notifiers, then records them.

        Args:
            application: the Application as the cluster has it; its spec may be invalid.
            events: what happened, in order.

        Raises:
            AgentError: the API server did not save them; none of them was recorded.
        """
