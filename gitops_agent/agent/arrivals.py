"""Whoever waits for a kind or a namespace is told when it comes, whoever brings it.

A custom resource may be declared by one team and its CRD by another, or be installed by hand. Two watches over the names of the
cluster's CRDs and Namespaces answer that without asking again and again. A new kind is served a moment after its CRD says so:
what a woken application meets then is retried from the shortest pause on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from functools import partial

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, GroupKind, Object
from gitops_agent.observe.log import logger

_log = logger("observe")
_AWAITED = {
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): "UnknownKind",
    GroupKind("", "Namespace"): "MissingNamespace",
}
REASONS = frozenset(_AWAITED.values())
"""The reasons of failures that end with an arrival."""


class Arrivals:
    """See the module's text.

    Args:
        transport: to the API server.
        discovery: told about new kinds.
        arrived: called for every application that waited, with the reason.
    """

    def __init__(self, transport: Transport, discovery: Discovery, arrived: Callable[[AppKey, str], None]) -> None:
        self._transport, self._discovery, self._arrived = transport, discovery, arrived
        self._lock = threading.Lock()
        self._waiting: dict[str, set[AppKey]] = {reason: set() for reason in REASONS}
        self._watches: list[Watch] = []

    def start(self) -> None:
        """Starts watching."""
        for kind, reason in _AWAITED.items():
            try:
                resource = self._discovery.find(kind.group, kind.kind)
            except AgentError as error:
                _log.warning("arrivals cannot be watched", kind=str(kind), error=error)
                continue
            watch = Watch(
                self._transport,
                resource,
                metadata_only=True,
                distil=_name,
                on_sync=partial(self._listed, reason),
                on_event=partial(self._event, reason),
                on_error=lambda error: _log.debug("watch of arrivals interrupted", error=error),
                name=f"watch-arrivals-{kind.kind.lower()}",
            )
            self._watches.append(watch)
            watch.start()

    def stop(self) -> None:
        """Ends the watches."""
        for watch in self._watches:
            watch.stop()

    def expect(self, application: AppKey, reasons: Collection[str]) -> None:
        """The application waits for arrivals of these reasons, and for no others."""
        with self._lock:
            for reason, waiting in self._waiting.items():
                if reason in reasons:
                    waiting.add(application)
                else:
                    waiting.discard(application)

    def _listed(self, reason: str, _names: list[str]) -> None:
        self._tell(reason, "everything was listed anew")

    def _event(self, reason: str, event: str, obj: Object) -> None:
        name = _name(obj)
        if reason == "UnknownKind":
            self._discovery.invalidate(name.partition(".")[2])
        if event != "DELETED":
            self._tell(reason, f"{name} came or changed")

    def _tell(self, reason: str, why: str) -> None:
        with self._lock:
            waiting = sorted(self._waiting[reason])
        for application in waiting:
            self._arrived(application, why)


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
