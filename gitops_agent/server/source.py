"""Where the dashboard's data comes from.

Problem: in the agent the Applications are in memory already; on a laptop, and where agents share a cluster, only the API server
knows them. Decision: one protocol with our three kinds as raw objects, so that pages are made by one code and know nothing of
either. Everything beyond them (objects, logs, plans) is read as the viewer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gitops_agent.cluster.client import NOT_INSTALLED, ClusterClient
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError, UnknownKind, UsageError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.marks import owner
from gitops_agent.preview.kept_repository import KeptRepository

Listener = Callable[[AppKey], object]
"""Takes the key of an Application that changed, in any thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the agent that answers is about.

    Attributes:
        ready: Applications that wait for a worker.
        working: Applications that are worked on.
        oldest_seconds: how long the oldest has waited.
        cannot_see: kinds that it cannot list, and why.
        polled: when each repository was last polled, by its address.
        hinted: when a webhook last named it.
        webhooks: whether it takes webhooks.
        reconciles: how many it did in the last minute.
        api_requests: how many it sent to the API server in the last hour.
        api_seconds: how much of that hour it has counted.
        memory_bytes: of its process; None where the system does not say.
    """

    ready: int
    working: int
    oldest_seconds: float
    cannot_see: Mapping[str, str]
    polled: Mapping[str, datetime]
    hinted: Mapping[str, datetime]
    webhooks: bool
    reconciles: int
    api_requests: int
    api_seconds: float
    memory_bytes: int | None


class Source(Protocol):
    """Our resources, as last seen."""

    name: str
    """`memory` or `cluster`, for the viewer."""

    def applications(self) -> tuple[AppKey, ...]:
        """The keys of all Applications."""

    def application(self, key: AppKey) -> Object | None:
        """An Application."""

    def policy(self, key: AppKey) -> Object | None:
        """A RolloutPolicy."""

    def policies(self) -> list[Object]:
        """All RolloutPolicies."""

    def notifiers(self, access: ClusterClient) -> list[Object]:
        """The Notifiers, where they have to be read as the viewer."""

    def kept(self, application: Object) -> KeptRepository | None:
        """The mirror of what an Application follows, where there is one."""

    def work(self) -> Work | None:
        """The agent's own work, where the agent answers."""

    def problem(self) -> str:
        """Why nothing is known; empty when everything is."""

    def listen(self, listener: Listener) -> None:
        """Sets the one that is called after each change."""


class ClusterSource:
    """Our resources by watches of the API server.

    Args:
        access: the cluster, and the namespace of the Applications.
        everywhere: Applications and Notifiers of all namespaces.
    """

    name = "cluster"

    def __init__(self, access: ClusterClient, *, everywhere: bool = False) -> None:
        self._access, self._namespace = access, "" if everywhere else access.namespace
        self._lock = threading.Lock()
        self._objects: dict[str, dict[AppKey, Object]] = {kind: {} for kind in _KINDS}
        self._problems: dict[str, str] = {}
        self._watches: list[Watch] = []
        self._listener: Listener | None = None

    def start(self, seconds: float = 10.0) -> None:
        """Begins to watch; returns once Applications were listed, or not.

        Raises:
            UsageError: the agent's resources are not installed.
        """
        for kind in _KINDS:
            try:
                resource = self._access.discovery.find(GROUP, kind)
            except UnknownKind as error:
                raise UsageError(NOT_INSTALLED) from error
            self._watches.append(self._watch(resource))
        self._watches[0].synced.wait(seconds)

    def stop(self) -> None:
        """Ends the watches."""
        for watch in self._watches:
            watch.stop()

    def listen(self, listener: Listener) -> None:
        """Sets the one that is called after each change."""
        self._listener = listener

    def applications(self) -> tuple[AppKey, ...]:
        """The keys of all Applications."""
        with self._lock:
            return tuple(sorted(self._objects["Application"]))

    def application(self, key: AppKey) -> Object | None:
        """An Application."""
        return self._one("Application", key)

    def policy(self, key: AppKey) -> Object | None:
        """A RolloutPolicy."""
        return self._one("RolloutPolicy", key)

    def policies(self) -> list[Object]:
        """All RolloutPolicies."""
        return self._all("RolloutPolicy")

    def notifiers(self, access: ClusterClient) -> list[Object]:
        """All Notifiers."""
        del access
        return self._all("Notifier")

    def kept(self, application: Object) -> KeptRepository | None:
        """None: repositories are fetched as the viewer."""
        del application
        return None

    def work(self) -> Work | None:
        """None: only the agent knows."""
        return None

    def problem(self) -> str:
        """Why Applications are not known."""
        return self._problems.get("Application", "")

    def replace(self, kind: str, objects: list[Object]) -> None:
        """Takes a whole list."""
        fresh = {_key(obj): obj for obj in objects}
        with self._lock:
            before, self._objects[kind] = self._objects[kind], fresh
            self._problems.pop(kind, None)
        for obj in (*before.values(), *fresh.values()):
            self._announce(kind, obj)

    def take(self, kind: str, happened: str, obj: Object) -> None:
        """Takes one event."""
        obj = lean(obj)
        with self._lock:
            if happened == "DELETED":
                self._objects[kind].pop(_key(obj), None)
            else:
                self._objects[kind][_key(obj)] = obj
        self._announce(kind, obj)

    def fail(self, kind: str, error: AgentError) -> None:
        """Takes the reason why a kind cannot be seen."""
        self._problems[kind] = str(error)

    def _one(self, kind: str, key: AppKey) -> Object | None:
        with self._lock:
            return self._objects[kind].get(key)

    def _all(self, kind: str) -> list[Object]:
        with self._lock:
            return [obj for _, obj in sorted(self._objects[kind].items())]

    def _watch(self, resource: Resource) -> Watch:
        namespace = "" if resource.kind == "RolloutPolicy" else self._namespace
        options = WatchOptions(namespace=namespace, distil=lean, name=f"dashboard-{resource.plural}")
        watch = Watch(self._access.transport, resource, _Feed(self, resource.kind), options=options)
        watch.start()
        return watch

    def _announce(self, kind: str, obj: Object) -> None:
        listener = self._listener
        key = _key(obj) if kind == "Application" else owner(obj) if kind == "RolloutPolicy" else None
        if listener is not None and key is not None:
            listener(key)


class _Feed:
    """Hands what a watch of one kind reads to the source."""

    def __init__(self, source: ClusterSource, kind: str) -> None:
        self._source, self._kind = source, kind

    def on_sync(self, objects: list[Any], resource_version: str) -> None:
        """A whole list."""
        del resource_version
        self._source.replace(self._kind, objects)

    def on_event(self, kind: str, obj: Object) -> None:
        """One event."""
        self._source.take(self._kind, kind, obj)

    def on_error(self, error: AgentError) -> None:
        """Why the kind cannot be seen."""
        self._source.fail(self._kind, error)


_KINDS = ("Application", "RolloutPolicy", "Notifier")


def lean(obj: Object) -> Object:
    """The object without who wrote which field, which no page shows."""
    metadata = obj["metadata"]
    if "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def _key(obj: Object) -> AppKey:
    return AppKey(str(obj["metadata"].get("namespace") or ""), str(obj["metadata"]["name"]))
