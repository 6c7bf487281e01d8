"""Feeds the notification dispatcher with the Notifiers of the agent's namespace."""

from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.api.conditions import find_condition, set_condition
from gitops_agent.api.notifier import parse
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import NOTIFIER
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.observe.log import logger

_log = logger("notify")


class NotifierStore:
    """Notifiers, fed by an informer.

    Args:
        objects: writes why a Notifier is invalid.
        notifications: takes the valid ones.
    """

    def __init__(self, objects: Objects, notifications: NotificationDispatcher) -> None:
        self._objects, self._notifications = objects, notifications
        self._known: set[AppKey] = set()

    def replace(self, objects: list[Object], _resource_version: str) -> None:
        """Takes a complete list."""
        fresh = {_key(obj) for obj in objects}
        for key in self._known - fresh:
            self._notifications.remove_notifier(key)
        self._known = fresh
        for obj in objects:
            self.put(obj)

    def remove(self, obj: Object) -> None:
        """Takes a Notifier that was deleted."""
        self._known.discard(_key(obj))
        self._notifications.remove_notifier(_key(obj))

    def put(self, obj: Object) -> None:
        """Takes a Notifier that was added or changed."""
        self._known.add(_key(obj))
        try:
            notifier = parse(obj)
        except SpecInvalid as error:
            _log.warning("notifier stalled", notifier=str(_key(obj)), error=error)
            self._notifications.remove_notifier(_key(obj))
            self._stall(obj, error)
            return
        self._notifications.set_notifier(notifier)

    def _stall(self, obj: Object, error: SpecInvalid) -> None:
        """Writes why a Notifier is invalid into its status, once per generation."""
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
                ObjectKey(*NOTIFIER, key.namespace, key.name),
                {"status": {"conditions": conditions}},
                subresource="status",
            )
        except AgentError as problem:
            _log.warning("the status of a notifier could not be written", notifier=str(key), error=problem)


def _key(obj: Object) -> AppKey:
    return AppKey(str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"]))
