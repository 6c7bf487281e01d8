"""Wakes applications that wait for a CRD or a Namespace.

A custom resource may be declared by one team and its CRD by another, or be installed by hand. Two watches over the names of the
cluster's CRDs and Namespaces answer that without polling. A new kind is served a moment after its CRD says so:
what a woken application meets then is retried from the shortest pause on.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

from gitops_agent.agent.work_queue import Priority, WorkQueue
from gitops_agent.cluster.concurrent_stop import stop_concurrently
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import CRD, NAMESPACE

_AWAITED = {
    CRD: "UnknownKind",
    NAMESPACE: "MissingNamespace",
}
REASONS = frozenset(_AWAITED.values())
"""The reasons of failures that end with an arrival."""


class PrerequisiteWatcher:
    """Watches the names of CRDs and Namespaces; thread-safe.

    Args:
        objects: the cluster; its discovery learns of new kinds.
        queue: of applications: one that waited is added, and its backoff begins anew.
    """

    def __init__(self, objects: Objects, queue: WorkQueue[AppKey]) -> None:
        self._objects, self._queue = objects, queue
        self._lock = threading.Lock()
        self._waiting: dict[str, set[AppKey]] = {reason: set() for reason in REASONS}
        self._informers = tuple(
            Informer(objects, kind, _Feed(self, reason), options=_NAMES_ONLY) for kind, reason in _AWAITED.items()
        )

    def start(self) -> None:
        """Starts watching."""
        for informer in self._informers:
            informer.start()

    def stop(self) -> None:
        """Ends the watches."""
        stop_concurrently(self._informers)

    def expect(self, application: AppKey, reasons: Collection[str]) -> None:
        """Registers the reasons the application waits for; earlier ones are dropped."""
        with self._lock:
            for reason, waiting in self._waiting.items():
                if reason in reasons:
                    waiting.add(application)
                else:
                    waiting.discard(application)

    def changed(self, reason: str, name: str = "", *, gone: bool = False) -> None:
        """Wakes the applications that wait for this reason.

        Args:
            reason: one of `REASONS`.
            name: of the object that came or changed; empty when all were listed anew.
            gone: whether the object was deleted, which wakes no application.
        """
        if name and reason == "UnknownKind":
            self._objects.discovery.invalidate(name.partition(".")[2])
        if gone:
            return
        with self._lock:
            waiting = sorted(self._waiting[reason])
        for application in waiting:
            self._queue.succeeded(application)
            reason = f"{name} came or changed" if name else "everything was listed anew"
            self._queue.add(application, reason, Priority.COMMIT)


class _Feed:
    """Receives one of the two kinds."""

    def __init__(self, watcher: PrerequisiteWatcher, reason: str) -> None:
        self._watcher, self._reason = watcher, reason

    def replace(self, _names: list[str], _resource_version: str) -> None:
        self._watcher.changed(self._reason)

    def put(self, obj: Object) -> None:
        self._watcher.changed(self._reason, _name(obj))

    def remove(self, obj: Object) -> None:
        self._watcher.changed(self._reason, _name(obj), gone=True)


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


_NAMES_ONLY = WatchOptions(metadata_only=True, distil=_name)
