"""Workloads that live autoscalers scale: their replicas are not ours to send.

One watch over HorizontalPodAutoscalers of the whole cluster (there are few) answers that without a request a reconcile.
Autoscalers declared in the same render are seen there, before they are live.
"""

from __future__ import annotations

import threading

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sync.autoscalers import target


class AutoscalerStore:
    """The live autoscalers' targets, fed by an informer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: dict[str, ObjectKey] = {}

    def targets(self) -> frozenset[ObjectKey]:
        """The workloads that a live autoscaler scales."""
        with self._lock:
            return frozenset(self._targets.values())

    def replace(self, objects: list[Object], _resource_version: str) -> None:
        """Takes a complete list."""
        targets = {_place(obj): scaled for obj in objects if (scaled := target(obj)) is not None}
        with self._lock:
            self._targets = targets

    def put(self, obj: Object) -> None:
        """Takes an autoscaler that was added or changed."""
        scaled = target(obj)
        with self._lock:
            if scaled is None:
                self._targets.pop(_place(obj), None)
            else:
                self._targets[_place(obj)] = scaled

    def remove(self, obj: Object) -> None:
        """Takes an autoscaler that was deleted."""
        with self._lock:
            self._targets.pop(_place(obj), None)


def _place(obj: Object) -> str:
    return f"{obj['metadata'].get('namespace')}/{obj['metadata'].get('name')}"
