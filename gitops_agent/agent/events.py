"""Publishes events: notifiers' outbox first, then Kubernetes Events, metrics and log.

The outbox alone must not lose an event, so it is saved before anything else is written: a process that is killed in between
finds the same transition again after its start. The rest is a courtesy and never fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitops_agent.cluster.recorder import Recorder
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import Object
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger

_log = logger("agent")
_DELIVERY_SECONDS = 10.0
"""How long deliveries under way may take at the end of the process: as long as one attempt."""


class EventBroadcaster:
    """Event sink of the process; thread-safe.

    Args:
        dispatcher: keeps and delivers notifications.
        recorder: writes Kubernetes Events.
    """

    def __init__(self, dispatcher: NotificationDispatcher, recorder: Recorder) -> None:
        self._dispatcher, self._recorder = dispatcher, recorder

    def start(self) -> None:
        """Starts recording and delivering."""
        self._recorder.start()
        self._dispatcher.start()

    def stop(self) -> None:
        """Flushes both; undelivered notifications stay in the outbox for the next leader."""
        self._dispatcher.stop(_DELIVERY_SECONDS)
        self._recorder.close()

    def record(self, regarding: Object, reason: str, message: str) -> None:
        """Records an Event that is no edge of an application.

        It never blocks and never fails.
        """
        self._recorder.record(regarding, "Normal", reason, message)

    def emit(self, application: Object, events: Sequence[Event]) -> None:
        """Saves events for the notifiers, then records them.

        Args:
            application: the Application as the cluster has it.
            events: what happened, in order.

        Raises:
            AgentError: the API server did not save them; none of them was recorded.
        """
        if not events:
            return
        labels: Mapping[str, str] = application["metadata"].get("labels") or {}
        try:
            self._dispatcher.save(events, labels)
        except AgentError as error:
            _log.warning("notifications could not be saved", error=error, events=[event.type.value for event in events])
            raise
        synced = {event.revision for event in events if event.type is EventType.SYNCED}
        for event in events:
            metrics.EVENTS.labels(event.type.value).inc()
            # An event Synced of the same revision says that the revision was seen as well.
            if event.type is not EventType.REVISION_SEEN or event.revision not in synced:
                self._recorder.record(
                    application,
                    "Normal" if event.severity is Severity.INFO else "Warning",
                    event.type.value,
                    event.message or event.reason,
                )
            _log.info(
                "event",
                type=event.type.value,
                application=str(event.application),
                reason=event.reason,
                message=event.message,
                commit=event.revision.short if event.revision else None,
            )
