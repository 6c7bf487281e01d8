"""Latest objects of watches, and a signal for each change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object, ObjectKey

if TYPE_CHECKING:
    from gitops_agent.cluster.resource import Resource
    from gitops_agent.cluster.watch import Watch, WatchOptions

FRAME_SECONDS = 0.1
"""The least time between two pictures."""


@dataclass
class WatchCache:
    """Latest objects of the watches; thread-safe, `changed` is set by every event."""

    objects: dict[ObjectKey, Object] = field(default_factory=dict)
    changed: threading.Event = field(default_factory=threading.Event)
    error: AgentError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watches: list[Watch] = field(default_factory=list)

    def of(self, kind: str) -> list[Object]:
        """The objects of a kind, by namespace and name."""
        with self._lock:
            return [obj for key, obj in sorted(self.objects.items()) if key.kind == kind]

    def replace(self, kind: str, objects: list[Object]) -> None:
        """Takes in a whole list."""
        with self._lock:
            for key in [key for key in self.objects if key.kind == kind]:
                del self.objects[key]
            self.objects |= {ObjectKey.of(obj): obj for obj in objects}
        self.changed.set()

    def take(self, happened: str, obj: Object) -> None:
        """Takes in one event."""
        with self._lock:
            if happened == "DELETED":
                self.objects.pop(ObjectKey.of(obj), None)
            else:
                self.objects[ObjectKey.of(obj)] = obj
        self.changed.set()

    def fail(self, error: AgentError) -> None:
        """Takes in that something cannot be watched."""
        self.error = error
        self.changed.set()

    def watch(self, access: ClusterClient, resource: Resource, options: WatchOptions) -> Watch:
        """Starts a watch that fills the cache; `stop` ends it."""
        from gitops_agent.cluster.watch import Watch

        opened = Watch(access.transport, resource, _Feed(self, resource.kind), options=options)
        self._watches.append(opened)
        opened.start()
        return opened

    def await_list(self, watch: Watch) -> None:
        """Returns once the first list was taken in, or something failed."""
        while not watch.synced.wait(FRAME_SECONDS) and self.error is None:
            pass

    def changes(self, tick: float | None = None) -> Iterator[None]:
        """Yields at each change and each tick, rate-limited.

        Raises:
            AgentError: something cannot be watched.
        """
        frame = threading.Event()
        while True:
            self.changed.wait(tick)
            self.changed.clear()
            if self.error is not None:
                raise self.error
            yield
            frame.wait(FRAME_SECONDS)

    def stop(self) -> None:
        """Ends the watches."""
        for watch in self._watches:
            watch.stop()


class _Feed:
    """Hands what a watch of one kind reads to the cache."""

    def __init__(self, cache: WatchCache, kind: str) -> None:
        self._cache, self._kind = cache, kind
        self.on_event, self.on_error = cache.take, cache.fail

    def on_sync(self, objects: list[Object], _resource_version: str) -> None:
        self._cache.replace(self._kind, objects)
