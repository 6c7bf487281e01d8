"""Workloads that live autoscalers scale: their replicas are not ours to send.

One watch over HorizontalPodAutoscalers of the whole cluster (there are few) answers that without a request a reconcile.
Autoscalers declared in the same render are seen there, before they are live. Until the first list nothing is known, which is
never taken for "there are none": a workload of forty pods would be scaled down to what Git says. Applications wait for that
list; once it failed, they go on and leave the replicas of live workloads alone. After it, what was known last counts.
"""

from __future__ import annotations

import threading

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.observe.log import logger
from gitops_agent.sync.autoscalers import target

_log = logger("agent")


class AutoscalerStore:
    """The live autoscalers' targets, fed by an informer.

    Args:
        wake: wakes the applications that asked before the autoscalers were known.
    """

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._targets: dict[str, ObjectKey] = {}
        self._listed = self._blind = False
        self._waiting: set[AppKey] = set()

    def targets(self) -> frozenset[ObjectKey] | None:
        """The workloads that live autoscalers scale; None while unknown."""
        with self._lock:
            return frozenset(self._targets.values()) if self._listed else None

    def pending(self, application: AppKey) -> bool:
        """Whether the first list is under way; wakes the application afterwards."""
        with self._lock:
            if not self._listed:
                self._waiting.add(application)
            return not self._listed and not self._blind

    def failed(self, error: AgentError) -> None:
        """Takes why autoscalers cannot be listed, and ends the wait for them."""
        _log.warning("autoscalers cannot be seen: the replicas of live workloads are left alone", error=error)
        with self._lock:
            waiting = set() if self._listed or self._blind else set(self._waiting)
            self._blind = True
        for application in sorted(waiting):
            self._wake(application, "the autoscalers cannot be seen", Priority.COMMIT)

    def replace(self, objects: list[Object], _resource_version: str) -> None:
        """Takes a complete list."""
        targets = {_place(obj): scaled for obj in objects if (scaled := target(obj)) is not None}
        with self._lock:
            self._targets, self._listed = targets, True
            waiting, self._waiting = self._waiting, set()
        for application in sorted(waiting):
            self._wake(application, "the autoscalers are known", Priority.COMMIT)

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
