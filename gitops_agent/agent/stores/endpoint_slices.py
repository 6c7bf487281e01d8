"""Ready addresses of the Services whose traffic is split.

A Service that a rollout splits, and the one it makes for the canary, carry a label that Kubernetes copies to their
EndpointSlices. One watch by that label receives what is needed here, and nothing of all the other Services of a cluster.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.agent.work_queue import Priority
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import SERVICE
from gitops_agent.rollout.canary_objects import SPLIT
from gitops_agent.rollout.traffic.service import ready_addresses
from gitops_agent.sync.live.live_state import LiveState

SPLIT_ONLY = WatchOptions(label_selector=SPLIT)
_SERVICE = "kubernetes.io/service-name"


class EndpointSliceStore:
    """EndpointSlices of Services whose traffic is split; thread-safe.

    Args:
        live: knows which application a Service belongs to.
        policies: know which applications have rollouts: they wait for the first list.
        wake: wakes the application of a Service whose ready addresses changed.
    """

    def __init__(self, live: LiveState, policies: RolloutPolicyStore, wake: Wake) -> None:
        self._live, self._policies, self._wake = live, policies, wake
        self._listed = threading.Event()
        self._lock = threading.Lock()
        self._slices: dict[ObjectKey, dict[str, Object]] = {}

    @property
    def listed(self) -> bool:
        """Whether the first list has arrived; before it, missing addresses prove nothing."""
        return self._listed.is_set()

    def slices(self, services: Iterable[ObjectKey]) -> tuple[Object, ...]:
        """The EndpointSlices of some Services; not to be changed."""
        with self._lock:
            return tuple(obj for service in services for _, obj in sorted(self._slices.get(service, {}).items()))

    def ready(self, service: ObjectKey) -> int:
        """How many addresses of a Service take traffic."""
        return len(ready_addresses(self.slices((service,)), service.name))

    def replace(self, objects: list[Object], _resource_version: str) -> None:
        """Takes a complete list."""
        fresh: dict[ObjectKey, dict[str, Object]] = {}
        for obj in objects:
            if (service := _service(obj)) is not None:
                fresh.setdefault(service, {})[obj["metadata"]["name"]] = obj
        with self._lock:
            before, self._slices = self._slices, fresh
        first = not self._listed.is_set()
        self._listed.set()
        if first:
            for application in self._policies.applications():
                self._wake(application, "the endpoints are known", Priority.COMMIT)
        for service in before.keys() | fresh.keys():
            if _ready(before.get(service, {}), service) != _ready(fresh.get(service, {}), service):
                self._changed(service)

    def put(self, obj: Object) -> None:
        """Takes a slice that was added or changed."""
        self._take(obj, gone=False)

    def remove(self, obj: Object) -> None:
        """Takes a slice that was deleted."""
        self._take(obj, gone=True)

    def _changed(self, service: ObjectKey) -> None:
        live = self._live.get(service)
        if live is not None and live.owner is not None:
            self._wake(live.owner, f"{service} has other endpoints", Priority.COMMIT)

    def _take(self, obj: Object, *, gone: bool) -> None:
        service = _service(obj)
        if service is None:
            return
        with self._lock:
            slices = self._slices.setdefault(service, {})
            before = _ready(slices, service)
            if gone:
                slices.pop(obj["metadata"]["name"], None)
            else:
                slices[obj["metadata"]["name"]] = obj
            after = _ready(slices, service)
            if not slices:
                del self._slices[service]
        if before != after:
            self._changed(service)


def _service(obj: Object) -> ObjectKey | None:
    name = (obj["metadata"].get("labels") or {}).get(_SERVICE)
    return SERVICE.named(str(obj["metadata"].get("namespace") or ""), name) if isinstance(name, str) else None


def _ready(slices: dict[str, Object], service: ObjectKey) -> frozenset[str]:
    return ready_addresses(tuple(slices.values()), service.name)
