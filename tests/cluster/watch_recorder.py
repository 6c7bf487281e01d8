"""A watch handler that records its calls, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import Timing, Watch, WatchOptions
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from tests.cluster.wire import Wire

CONFIGMAP = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True)
QUICK = Timing(idle_seconds=0.4, first_wait_seconds=0.02, longest_wait_seconds=0.1, grace_seconds=0.3)


class WatchRecorder:
    """Records calls in `said` and objects by name in `known`.

    `said` holds ("sync", names), (event, name) and ("error", class); `known` is what receivers keep.
    """

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []
        self.errors: list[AgentError] = []
        self.known: dict[str, Object] = {}
        self.fail_next = False
        self._lock = threading.Lock()

    def on_sync(self, everything: list[Object], _resource_version: str) -> None:
        with self._lock:
            self.known = {obj["metadata"]["name"]: obj for obj in everything}
            self.said.append(("sync", sorted(self.known)))

    def on_event(self, kind: str, obj: Object) -> None:
        with self._lock:
            name = obj["metadata"]["name"]
            self.said.append((kind, name))
            if self.fail_next:
                self.fail_next = False
                raise RuntimeError("a bug in a receiver")
            if kind == "DELETED":
                self.known.pop(name, None)
            else:
                self.known[name] = obj

    def on_error(self, error: AgentError) -> None:
        with self._lock:
            self.errors.append(error)
            self.said.append(("error", type(error).__name__))

    @property
    def syncs(self) -> list[list[str]]:
        return [names for kind, names in self.said if kind == "sync"]


@contextmanager
def watching(
    server: Wire,
    folder: Path,
    recorder: WatchRecorder,
    *,
    resource: Resource = CONFIGMAP,
    timing: Timing = QUICK,
    discovery: Discovery | None = None,
    **options: Any,
) -> Iterator[Watch]:
    watch = Watch(
        server.transport(folder),
        resource,
        recorder,
        options=WatchOptions(timing=timing, **options),
        discovery=discovery,
    )
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()
