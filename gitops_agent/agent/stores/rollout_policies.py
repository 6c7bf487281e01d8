"""RolloutPolicies, fed by a watch and by the responses to our writes.

The state of a rollout stands in the status of its policy and is written by compare-and-swap, so what is known here must never
be older than what was written from here: the response to a write is taken in at once, and the newer version wins.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gitops_agent.agent.ports import Observer, Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.cluster.etcd_restore import EtcdRestore
from gitops_agent.cluster.objects import Objects
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import annotation, owner
from gitops_agent.rollout.command import COMMAND
from gitops_agent.sync.live.live_state import is_newer, reverted


@dataclass(frozen=True, slots=True)
class _Known:
    raw: Object
    application: AppKey | None


class RolloutPolicyStore:
    """RolloutPolicies of the cluster and their owners; thread-safe.

    Args:
        objects: writes statuses.
        wake: wakes an application whose policy was changed by others.
        authority: verifies the marks of policies; None takes them at their word.
    """

    def __init__(self, objects: Objects, wake: Wake, authority: MarkAuthority | None = None) -> None:
        self._objects, self._wake, self._authority = objects, wake, authority
        self._lock = threading.Lock()
        self._known: dict[ObjectKey, _Known] = {}
        self._etcd_restore = EtcdRestore()
        self._listed = False
        self._waiting: set[AppKey] = set()
        self.observer: Observer | None = None

    def listed(self, application: AppKey) -> bool:
        """Whether the first list has arrived; wakes the application when it does.

        Until then it is not known whether a rollout of it is under way, so nothing of it may be applied.
        """
        with self._lock:
            if not self._listed:
                self._waiting.add(application)
            return self._listed

    def get(self, key: ObjectKey) -> Object | None:
        """The policy as last known; not to be changed."""
        with self._lock:
            policy = self._known.get(key)
        return policy.raw if policy else None

    def of(self, application: AppKey) -> tuple[ObjectKey, ...]:
        """The policies that carry an application's verified marks, sorted.

        Without the check, any policy with copied marks would have its status read as a rollout of the application.
        """
        with self._lock:
            named = [(key, policy.raw) for key, policy in self._known.items() if policy.application == application]
        authority = self._authority
        if authority is not None and authority.ready:
            named = [(key, raw) for key, raw in named if authority.owner(raw) == application]
        return tuple(sorted(key for key, _ in named))

    def applications(self) -> tuple[AppKey, ...]:
        """Every application that has a policy."""
        with self._lock:
            return tuple(sorted({policy.application for policy in self._known.values() if policy.application is not None}))

    def every(self) -> list[Object]:
        """All of them, by key."""
        with self._lock:
            return [policy.raw for _, policy in sorted(self._known.items())]

    def owner(self, key: ObjectKey) -> AppKey | None:
        """The application that the marks of a policy name."""
        with self._lock:
            policy = self._known.get(key)
        return policy.application if policy else None

    def write(self, raw: Object, status: Object) -> None:
        """Writes the status if the policy is unchanged since `raw` was read.

        Raises:
            Conflict: something has; the caller must start from the new one.
            ClusterError: the API server did not take it.
        """
        key = ObjectKey.of(raw)
        body = {"metadata": {"resourceVersion": raw["metadata"]["resourceVersion"]}, "status": _replacing(raw, status)}
        self._put(self._objects.merge_patch(key, body, subresource="status"))

    def replace(self, objects: list[Object], resource_version: str) -> None:
        """Takes a complete list: what is missing from it is gone."""
        fresh = {ObjectKey.of(obj): obj for obj in objects}
        with self._lock:
            gone = [key for key in self._known if key not in fresh]
            rewound = self._etcd_restore.rewound(resource_version)
            restored = [
                key
                for key in fresh.keys() & self._known.keys()
                if rewound or reverted(_version(fresh[key]), _version(self._known[key].raw), resource_version)
            ]
            for key in restored:
                raw = self._known[key].raw
                self._known[key] = _Known(
                    {**raw, "metadata": {**raw["metadata"], "resourceVersion": "0"}}, self._known[key].application
                )
        for key in gone:
            self._remove(key)
        for obj in objects:
            self.put(obj)
        for key in restored:
            application = owner(fresh[key])
            if application is not None:
                self._wake(application, f"{key} is that of a restored etcd", Priority.COMMIT)
        with self._lock:
            self._listed, waiting, self._waiting = True, self._waiting, set()
        for application in sorted(waiting):
            self._wake(application, "the rollout policies are known", Priority.COMMIT)

    def remove(self, obj: Object) -> None:
        """Takes a policy that was deleted."""
        self._remove(ObjectKey.of(obj))

    def put(self, obj: Object) -> None:
        """Takes an added or changed policy, unless a newer one is known."""
        self._etcd_restore.note(_version(obj))
        self._put(obj)

    def _put(self, obj: Object) -> None:
        key, application = ObjectKey.of(obj), owner(obj)
        with self._lock:
            before = self._known.get(key)
            if before is not None and not is_newer(_version(obj), _version(before.raw)) and _uid(before.raw) == _uid(obj):
                return
            self._known[key] = _Known(obj, application)
        if application is not None and self.observer is not None:
            self.observer(application)
        if application is not None and (before is None or _wish(before.raw) != _wish(obj)):
            requested = before is not None and annotation(before.raw, COMMAND) != annotation(obj, COMMAND)
            self._wake(application, f"{key} changed", Priority.USER if requested else Priority.COMMIT)

    def _remove(self, key: ObjectKey) -> None:
        with self._lock:
            policy = self._known.pop(key, None)
        if policy is not None and policy.application is not None:
            self._wake(policy.application, f"{key} is gone", Priority.COMMIT)


def _replacing(raw: Object, status: Object) -> Object:
    """Merge patch that leaves exactly `status`, and removes all else."""
    patch = _difference(raw.get("status") or {}, status)
    return patch if isinstance(patch, dict) else {}


def _difference(before: object, after: object) -> object:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    result: Object = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            result[name] = value
        elif before[name] != value:
            result[name] = _difference(before[name], value)
    return result


def _wish(obj: Object) -> object:
    """What others may change; a status is ours."""
    metadata = obj["metadata"]
    return metadata.get("generation"), annotation(obj, COMMAND), metadata.get("deletionTimestamp"), _uid(obj)


def _version(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion") or "")


def _uid(obj: Object) -> str:
    return str(obj["metadata"].get("uid") or "")
