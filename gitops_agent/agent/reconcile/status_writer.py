"""From what was found out to what people see: status, Kubernetes Events, notifications, metrics, one log line.

The order is the guarantee: the edges between the status that stands in the cluster and the new one are saved in the notifiers'
outbox first, then the status is written. Killed in between, the next start finds the same edges again. A status is written
only when it differs, and while something merely progresses at most once a second. Most objects are healthy a moment after they
were applied, so that they are on their way is written only when it lasts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.agent.reconcile.status_builder import status
from gitops_agent.agent.reconcile.transitions import at, transitions
from gitops_agent.api.conditions import find_condition
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import Recorder
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger

_log = logger("agent")
_PAUSE_SECONDS = 1.0
_ON_THE_WAY_SECONDS = 1.5


class StatusWriter:
    """See the module's text.

    Args:
        objects: writes statuses.
        recorder: writes Kubernetes Events.
        notifications: saves edges for the notifiers.
        now: aware, UTC.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        objects: Objects,
        recorder: Recorder,
        notifications: NotificationDispatcher,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects, self._recorder, self._notifications = objects, recorder, notifications
        self._now, self._clock = now, clock

    def publish(self, raw: Object, memory: ApplicationState, view: ReconcileOutcome, *, generation: int) -> float | None:
        """Makes a view known; returns seconds after which to come back because a write was put off, else None.

        Raises:
            AgentError: the API server did not take the status; the next reconcile tries again.
        """
        before = memory.status if memory.status is not None else (raw.get("status") or {})
        now = self._now()
        after = status(before, view, generation=generation, now=now)
        if memory.approval is not None:
            after["sync"]["approval"] = memory.approval.to_json()
        if memory.answered:
            after["sync"]["answered"] = memory.answered
        key = AppKey(raw["metadata"]["namespace"], raw["metadata"]["name"])
        self._measure(key, after)
        if after == before:
            memory.status = before
            return None
        if quiet(before, after):
            return None
        waits = self._on_the_way(after, memory)
        if waits > 0:
            return waits
        found = transitions(before, after, application=key, view=view, now=now)
        elapsed = self._clock() - memory.written_at
        if not found and elapsed < _PAUSE_SECONDS and _progress_only(before, after):
            return _PAUSE_SECONDS - elapsed
        self.emit(found, raw)
        try:
            patch = [{"op": "add", "path": "/status", "value": after}]
            self._objects.json_patch(APPLICATION.named(key.namespace, key.name), patch, subresource="status")
        except NotFound:
            return None
        memory.status, memory.written_at = after, self._clock()
        return None

    def emit(self, events: Iterable[Event], raw: Object) -> None:
        """Hands edges to their subscribers: the outbox first, since it alone must not lose any."""
        found = tuple(events)
        if not found:
            return
        labels: Mapping[str, str] = raw["metadata"].get("labels") or {}
        try:
            self._notifications.save(found, labels)
        except AgentError as error:
            _log.warning("notifications could not be saved", error=error, events=[event.type.value for event in found])
            raise
        synced = {event.revision for event in found if event.type is EventType.SYNCED}
        for event in found:
            metrics.EVENTS.labels(event.type.value).inc()
            if event.type is not EventType.REVISION_SEEN or event.revision not in synced:  # which says it too
                self._recorder.record(
                    raw,
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

    def _on_the_way(self, after: Object, memory: ApplicationState) -> float:
        """Seconds for which nothing need be told, because objects that were just applied are not healthy yet."""
        if (_condition(after, "Ready").get("status"), _condition(after, "Ready").get("reason")) != ("Unknown", "Progressing"):
            memory.on_the_way = None
            return 0.0
        if memory.on_the_way is None:
            memory.on_the_way = self._clock()
        return _ON_THE_WAY_SECONDS - (self._clock() - memory.on_the_way)

    @staticmethod
    def _measure(key: AppKey, after: Object) -> None:
        metrics.forget_application(str(key))
        metrics.APPLICATIONS.labels(str(key), after["sync"].get("status", "Unknown"), after["health"]["status"]).set(1)


def quiet(before: Object, after: Object) -> bool:
    """Whether the two differ only in the commit, because a commit left everything of this application untouched.

    A monorepo of a thousand applications would otherwise write a thousand statuses for each commit. The commit is told with
    the next thing worth telling, and when somebody asks for a sync.
    """
    old, new = at(before, "sync", "plan"), at(after, "sync", "plan")
    return bool(new) and old == new and _without_commit(before) == _without_commit(after)


def _condition(status_: Object, kind: str) -> Object:
    return find_condition(status_.get("conditions"), kind) or {}


def _without_commit(status_: Object) -> Object:
    commits = (at(status_, "source", "revision"), at(status_, "sync", "revision"))
    shorts = [commit[:12] for commit in commits if commit]

    def told(message: str) -> str:
        for short in shorts:
            message = message.replace(short, "")
        return message

    source = {name: value for name, value in (status_.get("source") or {}).items() if name in ("unavailableSince", "message")}
    sync = {name: value for name, value in (status_.get("sync") or {}).items() if name != "revision"}
    conditions = [{**one, "message": told(str(one.get("message")))} for one in status_.get("conditions") or []]
    rest = {name: value for name, value in status_.items() if name not in ("source", "sync", "conditions", "history")}
    return {**rest, "source": source, "sync": sync, "conditions": conditions}


def _progress_only(before: Object, after: Object) -> bool:
    """Whether nothing a person waits for changed: the same readiness for the same reason, at the same commit."""

    def gist(status_: Object) -> object:
        conditions = {c["type"]: (c["status"], c["reason"]) for c in status_.get("conditions") or []}
        return conditions, (status_.get("sync") or {}).get("revision"), (status_.get("source") or {}).get("revision")

    return gist(before) == gist(after)
