"""The set of watches: one a kind, started when the kind is first declared, ended all at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Timing, Watch
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import GroupKind, Object

OnSync = Callable[[Resource, list[Any]], None]
OnEvent = Callable[[Resource, str, Object], None]
OnError = Callable[[Resource, AgentError], None]


class WatchSet:
    """At most one watch for each kind; safe to share between threads.

    Args:
        transport: the API server.
        discovery: its kinds.
        on_sync: the receiver of whole lists; see `Watch`. The resource comes first in every callback.
        on_event: the receiver of events.
        on_error: the receiver of reasons why a kind cannot be seen.
        label_selector: for every watch that names none of its own.
        distil: applied to each object of a list before `on_sync`.
        timing: see `Timing`.

    Callbacks of different kinds run at the same time.
    """

    def __init__(
        self,
        transport: Transport,
        discovery: Discovery,
        *,
        on_sync: OnSync,
        on_event: OnEvent,
        on_error: OnError,
        label_selector: str = "",
        distil: Callable[[Object], Any] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._transport = transport
        self._discovery = discovery
        self._on_sync = on_sync
        self._on_event = on_event
        self._on_error = on_error
        self._label_selector = label_selector
        self._distil = distil
        self._timing = timing
        self._lock = threading.Lock()
        self._watches: dict[GroupKind, Watch] = {}
        self._stopped = False

    def ensure(self, resource: Resource, *, label_selector: str | None = None, metadata_only: bool = False) -> Watch:
        """The running watch of a kind, started when there is none; one that pauses after a failure tries again at once."""
        with self._lock:
            found = self._watches.get(resource.group_kind)
            if found is not None:
                found.nudge()
                return found
            watch = Watch(
                self._transport,
                resource,
                on_sync=lambda everything: self._on_sync(resource, everything),
                on_event=lambda kind, obj: self._on_event(resource, kind, obj),
                on_error=lambda error: self._on_error(resource, error),
                label_selector=self._label_selector if label_selector is None else label_selector,
                metadata_only=metadata_only,
                distil=self._distil,
                discovery=self._discovery,
                timing=self._timing,
            )
            self._watches[resource.group_kind] = watch
            if not self._stopped:
                watch.start()
            return watch

    def synced(self, group_kind: GroupKind) -> bool:
        """Whether the kind is watched and its first list has been handed on."""
        with self._lock:
            found = self._watches.get(group_kind)
        return found is not None and found.synced.is_set()

    def kinds(self) -> frozenset[GroupKind]:
        """What is watched."""
        with self._lock:
            return frozenset(self._watches)

    def nudge(self, group: str | None = None) -> None:
        """Makes the watches of a group (all, when None) that pause after a failure try again: a CRD or a permission came."""
        with self._lock:
            chosen = [watch for kind, watch in self._watches.items() if group in (None, kind.group)]
        for watch in chosen:
            watch.nudge()

    def drop(self, group_kind: GroupKind) -> None:
        """Ends the watch of a kind nobody declares any more."""
        with self._lock:
            found = self._watches.pop(group_kind, None)
        if found is not None:
            found.stop()

    def stop_all(self, seconds: float = 3.0) -> None:
        """Ends every watch; none can be started any more. Returns after `seconds` at the latest."""
        with self._lock:
            self._stopped = True
            watches = list(self._watches.values())
            self._watches.clear()
        deadline = time.monotonic() + seconds
        for watch in watches:
            watch.stop(0)
        for watch in watches:
            watch.stop(max(0.0, deadline - time.monotonic()))
