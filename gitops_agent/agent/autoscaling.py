"""Which workloads belong to an autoscaler, whoever declared it: their replicas are not ours to send.

One watch over HorizontalPodAutoscalers of the whole cluster (there are few) answers that without a request a reconcile.
Autoscalers declared in the same render are seen there, before they are live.
"""

from __future__ import annotations

import threading

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.observe.log import logger
from gitops_agent.sync.autoscale import target

_log = logger("observe")


class Autoscaling:
    """The live autoscalers' targets, kept by a watch of its own."""

    def __init__(self, transport: Transport, discovery: Discovery) -> None:
        self._transport, self._discovery = transport, discovery
        self._lock = threading.Lock()
        self._targets: dict[str, ObjectKey] = {}
        self._watch: Watch | None = None

    def start(self) -> None:
        """Starts watching; a cluster without the autoscaling API has no autoscalers."""
        try:
            resource = self._discovery.find("autoscaling", "HorizontalPodAutoscaler")
        except AgentError as error:
            _log.warning("autoscalers cannot be watched", error=error)
            return
        self._watch = Watch(
            self._transport,
            resource,
            on_sync=self._listed,
            on_event=self._event,
            on_error=lambda error: _log.debug("watch of autoscalers interrupted", error=error),
            name="watch-autoscalers",
        )
        self._watch.start()

    def stop(self) -> None:
        """Ends the watch."""
        if self._watch is not None:
            self._watch.stop()

    def targets(self) -> frozenset[ObjectKey]:
        """The workloads that a live autoscaler scales."""
        with self._lock:
            return frozenset(self._targets.values())

    def _listed(self, objects: list[Object]) -> None:
        targets = {_place(obj): scaled for obj in objects if (scaled := target(obj)) is not None}
        with self._lock:
            self._targets = targets

    def _event(self, kind: str, obj: Object) -> None:
        scaled = target(obj)
        with self._lock:
            if kind == "DELETED" or scaled is None:
                self._targets.pop(_place(obj), None)
            else:
                self._targets[_place(obj)] = scaled


def _place(obj: Object) -> str:
    return f"{obj['metadata'].get('namespace')}/{obj['metadata'].get('name')}"
