"""Feeds the notification room with the Notifiers of the agent's namespace, by one watch."""

from __future__ import annotations

from gitops_agent.api.notifier import parse
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.notify.notifications import Notifications
from gitops_agent.observe.log import logger

_log = logger("notify")


class Notifiers:
    """See the module's text.

    Args:
        transport: to the API server.
        discovery: to find the kind.
        notifications: what is fed.
        namespace: where Notifiers live.
    """

    def __init__(self, transport: Transport, discovery: Discovery, notifications: Notifications, namespace: str) -> None:
        self._transport, self._discovery, self._notifications = transport, discovery, notifications
        self._namespace = namespace
        self._known: set[AppKey] = set()
        self._watch: Watch | None = None

    def start(self) -> None:
        """Starts watching; without the CRD nobody is notified."""
        try:
            resource = self._discovery.find("gitops-agent.dev", "Notifier")
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
            return
        self._notifications.set_notifier(notifier)


def _key(obj: Object) -> AppKey:
    return AppKey(str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"]))
