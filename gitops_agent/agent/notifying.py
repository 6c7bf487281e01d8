"""Feeds the notification room with the Notifiers of the agent's namespace, by one watch."""

from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.api.conditions import find_condition, set_condition
from gitops_agent.api.notifier import parse
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.notify.notifications import Notifications
from gitops_agent.observe.log import logger

_log = logger("notify")


class Notifiers:
    """See the module's text.

    Args:
        transport: to the API server.
        objects: to say what is wrong with a Notifier.
        notifications: what is fed.
        namespace: where Notifiers live.
    """

    def __init__(self, transport: Transport, objects: Objects, notifications: Notifications, namespace: str) -> None:
        self._transport, self._objects, self._notifications = transport, objects, notifications
        self._namespace = namespace
        self._known: set[AppKey] = set()
        self._watch: Watch | None = None

    def start(self) -> None:
        """Starts watching; without the CRD nobody is notified."""
        try:
            resource = self._objects.discovery.find("gitops-agent.dev", "Notifier")
        except AgentError as error:
            _log.warning("nobody is notified", error=error)
            return
        self._watch = Watch(
            self._transport,
            resource,
            namespace=self._namespace,
            on_sync=self._listed,
            on_event=self._event,
            on_error=lambda error: _log.warning("notifiers cannot be watched", error=error),
        )
        self._watch.start()

    def await_first_list(self, seconds: float) -> bool:
        """Whether every Notifier is known, after at most some seconds: edges that nobody listens to yet would be lost."""
        return self._watch is None or self._watch.synced.wait(seconds)

    def stop(self) -> None:
        """Ends the watch."""
        if self._watch is not None:
            self._watch.stop()

    def _listed(self, objects: list[Object]) -> None:
        fresh = {_key(obj) for obj in objects}
        for key in self._known - fresh:
            self._notifications.remove_notifier(key)
        self._known = fresh
        for obj in objects:
            self._put(obj)

    def _event(self, kind: str, obj: Object) -> None:
        if kind == "DELETED":
            self._known.discard(_key(obj))
            self._notifications.remove_notifier(_key(obj))
            return
        self._known.add(_key(obj))
        self._put(obj)

    def _put(self, obj: Object) -> None:
        try:
            notifier = parse(obj)
        except SpecInvalid as error:
            _log.warning("notifier stalled", notifier=str(_key(obj)), error=error)
            self._notifications.remove_notifier(_key(obj))
            self._stall(obj, error)
            return
        self._notifications.set_notifier(notifier)

    def _stall(self, obj: Object, error: SpecInvalid) -> None:
        """Says in the Notifier's status what is wrong with it, once for each form of it."""
        generation = int(obj["metadata"].get("generation") or 0)
        conditions = list((obj.get("status") or {}).get("conditions") or [])
        stalled = find_condition(conditions, "Stalled")
        if stalled is not None and stalled.get("observedGeneration") == generation:
            return
        now = datetime.now(UTC)
        for kind, value in (("Ready", False), ("Stalled", True)):
            conditions = set_condition(conditions, kind, value, error.reason, str(error)[:500], generation=generation, now=now)
        key = _key(obj)
        try:
            self._objects.merge_patch(
                ObjectKey("gitops-agent.dev", "Notifier", key.namespace, key.name),
                {"status": {"conditions": conditions}},
                subresource="status",
            )
        except AgentError as problem:
            _log.warning("the status of a notifier could not be written", notifier=str(key), error=problem)


def _key(obj: Object) -> AppKey:
    return AppKey(str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"]))
