"""Feeds an in-memory store from a list and its watch.

Problem: every store that mirrors a kind needs the same plumbing, and a list that was served before one of our own writes lacks
what that write made. Decision: one informer a kind finds the resource, runs the watch and hands on three things, and a whole
list always comes with its resource version, so that a store can keep what it knows in a newer one. A kind that is not served at
the start (a CRD that comes late), or not found because discovery fails, is looked up again until it is found.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from gitops_agent.backoff import Backoff
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError, UnknownKind
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.observe.log import logger

_log = logger("cluster")
_WHOLE = WatchOptions()
_BACKOFF = Backoff(first_seconds=1.0, longest_seconds=15.0)
_END_SECONDS = 2.0


class Receiver(Protocol):
    """Mirrors a kind; called serially in the watch's thread."""

    def replace(self, objects: list[Any], resource_version: str) -> None:
        """Stores a complete list (distilled) and its resource version.

        The version is empty when the cluster does not serve the kind.
        """

    def put(self, obj: Object) -> None:
        """Takes an object that was added or changed."""

    def remove(self, obj: Object) -> None:
        """Takes an object that was deleted, in its last form."""


class Informer:
    """Keeps one receiver informed about one kind.

    Args:
        client: the cluster.
        kind: what is watched.
        receiver: the store.
        options: which objects, and how; see `WatchOptions`.
        on_error: called with why the kind cannot be seen; logged where there is none.
        may_go: the receiver gets an empty list when discovery confirms that the kind is no longer served.
    """

    def __init__(
        self,
        client: Objects,
        kind: GroupKind,
        receiver: Receiver,
        *,
        options: WatchOptions = _WHOLE,
        on_error: Callable[[AgentError], None] | None = None,
        may_go: bool = False,
    ) -> None:
        self.kind = kind
        self.watch: Watch | None = None
        self._client, self._receiver, self._options, self._on_error = client, receiver, options, on_error
        self._discovery = client.discovery if may_go else None
        self._resource: Resource | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._finder = threading.Thread(target=self._find, name=f"watch-{kind}", daemon=True)
        self._told = ""

    def resolve(self) -> None:
        """Finds out how the kind is served; `start` uses what was found.

        Raises:
            UnknownKind: the cluster does not serve it.
            AgentError: discovery does not answer.
        """
        self._resource = self._client.discovery.find(self.kind.group, self.kind.kind)

    def start(self) -> None:
        """Starts the watch, once.

        Where the kind is not served now, the receiver gets an empty list, and the watch begins once the kind is served.
        """
        if self._resource is not None or self._found():
            self._begin()
            return
        with self._lock:
            if not self._stopped.is_set() and self._finder.ident is None:
                self._finder.start()

    def _begin(self) -> None:
        with self._lock:
            if self._resource is None or self._stopped.is_set() or self.watch is not None:
                return
            self.watch = Watch(self._client.transport, self._resource, self, options=self._options, discovery=self._discovery)
            self.watch.start()

    def stop(self) -> None:
        """Ends the watch; it cannot be started again."""
        with self._lock:
            self._stopped.set()
            watch = self.watch
        if self._finder.ident is not None and self._finder is not threading.current_thread():
            self._finder.join(_END_SECONDS)
        if watch is not None:
            watch.stop()

    def _found(self) -> bool:
        """Looks the kind up; hands on, once, why it is not found."""
        try:
            self.resolve()
        except AgentError as error:
            if self._told != str(error) and not self._stopped.is_set():
                self._told = str(error)
                if isinstance(error, UnknownKind):
                    _log.warning("kind is not served yet", kind=str(self.kind), error=error)
                    self._receiver.replace([], "")
                else:
                    self.on_error(error)
            return False
        return True

    def _find(self) -> None:
        """Looks the kind up until it is found, then watches it."""
        tries = 1
        while not self._stopped.wait(_BACKOFF.pause(tries)):
            self._client.discovery.invalidate(self.kind.group)
            if self._found():
                self._begin()
                return
            tries += 1

    def synced(self, seconds: float = 0.0) -> bool:
        """Waits for the first list; returns whether it was handed over.

        True as well when there is none to wait for.
        """
        return self.watch is None or self.watch.synced.wait(seconds)

    def on_sync(self, objects: list[Any], resource_version: str) -> None:
        """Hands over a list; part of `WatchHandler`, like the following methods."""
        self._receiver.replace(objects, resource_version)

    def on_event(self, kind: str, obj: Object) -> None:
        """Hands on an event."""
        if kind == "DELETED":
            self._receiver.remove(obj)
        else:
            self._receiver.put(obj)

    def on_error(self, error: AgentError) -> None:
        """Hands on, or logs, why the kind cannot be seen."""
        if self._on_error is not None:
            self._on_error(error)
        else:
            _log.warning("kind cannot be watched", kind=str(self.kind), error=error)
