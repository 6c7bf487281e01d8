"""Waiting for an Application or another of our resources with a watch and a deadline; nothing is polled."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from gitops_agent.cli.access import GROUP, Access
from gitops_agent.errors import AgentError, UsageError
from gitops_agent.manifest.key import Object


def seconds_of(text: str, option: str) -> float:
    """The seconds of a duration such as 90s or 10m.

    Raises:
        UsageError: it is none; the message names the option.
    """
    from gitops_agent.api.durations import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def until(
    access: Access,
    name: str,
    done: Callable[[Object], bool],
    *,
    seconds: float,
    seen: Callable[[Object], None],
    kind: str = "Application",
    namespace: str = "",
) -> Object | None:
    """The object once `done` holds of it, or None after `seconds`; `seen` is called with each state on the way.

    Raises:
        AgentError: the object cannot be watched, or it was deleted (reason `NotFound`).
    """
    from gitops_agent.cluster.watch import Watch

    news: queue.Queue[Object | AgentError] = queue.Queue()

    def event(happened: str, obj: Object) -> None:
        news.put(AgentError(f"{kind} {name} was deleted", reason="NotFound") if happened == "DELETED" else obj)

    def listed(objects: list[Object]) -> None:
        for obj in objects:
            news.put(obj)

    watch = Watch(
        access.transport,
        access.discovery.find(GROUP, kind),
        namespace=namespace or access.namespace,
        field_selector=f"metadata.name={name}",
        on_sync=listed,
        on_event=event,
        on_error=news.put,
    )
    deadline = time.monotonic() + seconds
    watch.start()
    try:
        while True:
            try:
                new = news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if isinstance(new, AgentError):
                raise new
            seen(new)
            if done(new):
                return new
    finally:
        watch.stop()
