"""Waits until so many objects are ready, by a watch.

Problem: a listing of all objects every 50 ms costs a sixth of a machine of two cores, and only while the agent installs, so the
measurement would slow down what it measures. Decision: one list and a watch, as cheap for the floor as for the agent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.demo.cluster import NotSeen


class ReadyWatch:
    """Counts the objects of one kind that are ready.

    Args:
        transport: with the right to watch the kind.
        resource: the kind.
        namespace: all when empty.
        ready: whether an object is.
    """

    def __init__(
        self, transport: Transport, resource: Resource, ready: Callable[[Object], bool], *, namespace: str = ""
    ) -> None:
        self._ready = ready
        self._changed = threading.Condition()
        self._keys: set[ObjectKey] = set()
        self._watch = Watch(transport, resource, self, options=WatchOptions(namespace=namespace))

    def until(self, count: int, what: str, *, seconds: float = 600.0) -> None:
        """Returns when `count` objects are ready.

        Raises:
            NotSeen: they were not, in the time given.
        """
        self._watch.start()
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: len(self._keys) >= count, seconds):
                    raise NotSeen(f"not seen within {seconds:g} s: {what}")
        finally:
            self._watch.stop()

    def on_sync(self, objects: list[Object], _resource_version: str) -> None:
        """Counts anew."""
        with self._changed:
            self._keys = {ObjectKey.of(obj) for obj in objects if self._ready(obj)}
            self._changed.notify_all()

    def on_event(self, kind: str, obj: Object) -> None:
        """Counts one object."""
        with self._changed:
            if kind != "DELETED" and self._ready(obj):
                self._keys.add(ObjectKey.of(obj))
            else:
                self._keys.discard(ObjectKey.of(obj))
            self._changed.notify_all()

    def on_error(self, error: AgentError) -> None:
        """The watch tries again; `until` ends by its time."""
