"""Waits for one of our resources with a watch and a deadline."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, UsageError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP


def seconds_of(text: str, option: str) -> float:
    """Seconds of a duration such as 90s or 10m.

    Raises:
        UsageError: not a duration; the message names the option.
    """
    from gitops_agent.api.durations import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def until(
    access: ClusterClient,
    name: str,
    done: Callable[[Object], bool],
    *,
    seconds: float,
    seen: Callable[[Object], None],
    kind: str = "Application",
    group: str = GROUP,
    namespace: str = "",
) -> Object | None:
    """The object once `done` holds of it, or None after `seconds`.

    `seen` is called with each state in between.

    Raises:
        AgentError: the object cannot be watched, or it was deleted (reason `NotFound`).
    """
    from gitops_agent.cluster.watch import Watch, WatchOptions

    news: queue.Queue[Object | AgentError | None] = queue.Queue()

    watch = Watch(
        access.transport,
        access.discovery.find(group, kind),
        _News(news, f"{kind} {name}"),
        options=WatchOptions(namespace=namespace or access.namespace, field_selector=f"metadata.name={name}"),
    )
    deadline = time.monotonic() + seconds
    watch.start()
    try:
        while True:
            try:
                new = news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if new is None:  # deleted before the watch began, or created a moment ago and not in its list yet
                access.objects.get(ObjectKey(group, kind, namespace or access.namespace, name))
                continue
            if isinstance(new, AgentError):
                raise new
            seen(new)
            if done(new):
                return new
    finally:
        watch.stop()


class _News:
    """Queue of the events of one object's watch."""

    def __init__(self, news: queue.Queue[Object | AgentError | None], name: str) -> None:
        self._news, self._name = news, name

    def on_sync(self, objects: list[Object], _resource_version: str) -> None:
        if not objects:
            self._news.put(None)
        for obj in objects:
            self._news.put(obj)

    def on_event(self, kind: str, obj: Object) -> None:
        self._news.put(self._deleted() if kind == "DELETED" else obj)

    def on_error(self, error: AgentError) -> None:
        self._news.put(error)

    def _deleted(self) -> AgentError:
        return AgentError(f"{self._name} was deleted", reason="NotFound")
