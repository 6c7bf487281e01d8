"""Reads the pods of a Deployment, StatefulSet or DaemonSet as one value.

`complete` never believes a status that speaks of an earlier spec: a controller that has not looked yet reports the old pods as
all there is.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import annotation
from gitops_agent.manifest.reading import mapping, number
from gitops_agent.rollout import canary_objects, replica_counts
from gitops_agent.rollout.observation import WorkloadStatus
from gitops_agent.rollout.state import Version

_DEFAULT_UNAVAILABLE = 25
_LONGEST = 500
"""Characters of a reason that is kept in a state."""


def pods(workload: Object) -> WorkloadStatus:
    """The pods of a live workload."""
    if workload.get("kind") == "DaemonSet":
        return _daemons(workload)
    spec, status = mapping(workload.get("spec")), mapping(workload.get("status"))
    desired = number(spec.get("replicas"), 1)
    ready = number(status.get("availableReplicas"), 0)
    updated = number(status.get("updatedReplicas"), 0)
    if workload.get("kind") == "StatefulSet":
        settled = not status.get("updateRevision") or status.get("currentRevision") == status.get("updateRevision")
        # The pods below the partition keep their version by intent, for ever.
        kept = number(mapping(mapping(spec.get("updateStrategy")).get("rollingUpdate")).get("partition"), 0)
        updated = desired if settled and not _manual(spec) else min(desired, updated + kept)
    replaced = _seen(workload) and updated == desired and number(status.get("replicas"), 0) == desired
    return WorkloadStatus(
        version=version(workload),
        replicas=desired,
        available=ready,
        complete=replaced and ready >= desired,
        replaced=replaced,
        failed=_failed(workload, status),
        hindered=_said(workload, status, "ReplicaFailure", "True"),
        cause=_too_young(spec, status),
        updated=number(status.get("updatedReplicas"), 0) if _seen(workload) else 0,
    )


def version(workload: Object) -> Version | None:
    """The version annotated on a live workload."""
    named, commit = annotation(workload, canary_objects.ROLLOUT_HASH), annotation(workload, canary_objects.COMMIT)
    return Version(commit=commit or "", hash=named) if named else None


def replicas(workload: Object) -> int | None:
    """The wanted pods of a workload; None where an autoscaler decides."""
    value = mapping(workload.get("spec")).get("replicas")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def max_unavailable(workload: Object, number: int) -> int:
    """Pods its update strategy allows to be missing, as Kubernetes rounds."""
    strategy = mapping(mapping(workload.get("spec")).get("strategy"))
    if strategy.get("type") == "Recreate":
        return 0
    update = mapping(strategy.get("rollingUpdate"))
    value = update.get("maxUnavailable", f"{_DEFAULT_UNAVAILABLE}%")
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdecimal():
        return number * min(int(value[:-1]), replica_counts.FULL) // replica_counts.FULL
    return max(0, min(value, number)) if isinstance(value, int) and not isinstance(value, bool) else 0


def stuck(workload: Object, candidates: Iterable[Object]) -> tuple[Object, ...]:
    """Unready pods of a StatefulSet of a version no longer wanted.

    With ordered pods its controller waits for them; nothing is said before it has seen the present spec.
    """
    metadata, status = mapping(workload.get("metadata")), mapping(workload.get("status"))
    revision = status.get("updateRevision")
    if not revision or not _seen(workload):
        return ()
    return tuple(pod for pod in candidates if _of(pod, metadata.get("uid")) and _behind(pod, revision) and not _ready(pod))


def _of(pod: Object, uid: object) -> bool:
    owners = mapping(pod.get("metadata")).get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") == uid for owner in owners if isinstance(owner, dict))


def _behind(pod: Object, revision: object) -> bool:
    metadata = mapping(pod.get("metadata"))
    return "deletionTimestamp" not in metadata and mapping(metadata.get("labels")).get("controller-revision-hash") != revision


def _ready(pod: Object) -> bool:
    conditions = mapping(pod.get("status")).get("conditions") or ()
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in conditions
        if isinstance(condition, dict)
    )


def labelled(workload: Object) -> bool:
    """Whether its pod template carries the label of the stable side."""
    metadata = mapping(mapping(mapping(workload.get("spec")).get("template")).get("metadata"))
    return mapping(metadata.get("labels")).get(canary_objects.VARIANT) == canary_objects.PRIMARY


def selects(service: Object) -> str:
    """Which side a Service selects by label; empty when by neither."""
    return str(mapping(mapping(service.get("spec")).get("selector")).get(canary_objects.VARIANT) or "")


def _daemons(workload: Object) -> WorkloadStatus:
    status = mapping(workload.get("status"))
    desired = number(status.get("desiredNumberScheduled"), 0)
    available = number(status.get("numberAvailable"), 0)
    updated = number(status.get("updatedNumberScheduled"), 0)
    return WorkloadStatus(
        version=version(workload),
        replicas=desired,
        available=available,
        complete=_seen(workload) and updated >= desired and available >= desired,
        replaced=_seen(workload) and updated >= desired,
        updated=updated if _seen(workload) else 0,
        failed=_failed(workload, status),
        hindered=_said(workload, status, "ReplicaFailure", "True"),
    )


def _too_young(spec: Object, status: Object) -> str:
    """Ready pods that do not count yet, in words; empty without any."""
    ready, available = number(status.get("readyReplicas"), 0), number(status.get("availableReplicas"), 0)
    seconds = number(spec.get("minReadySeconds"), 0)
    if not seconds or ready <= available:
        return ""
    young = ready - available
    return f"{young} {'pod is' if young == 1 else 'pods are'} ready, but not yet for minReadySeconds ({seconds} s)"


def _seen(workload: Object) -> bool:
    generation = number(mapping(workload.get("metadata")).get("generation"), 0)
    return number(mapping(workload.get("status")).get("observedGeneration"), 0) >= generation


def _manual(spec: Object) -> bool:
    """Whether pods are replaced on deletion only (OnDelete)."""
    return mapping(spec.get("updateStrategy")).get("type") == "OnDelete"


def _failed(workload: Object, status: Object) -> str:
    """Why its controller has given up on the present spec."""
    message = _said(workload, status, "Progressing", "False")
    return message if message.startswith("ProgressDeadlineExceeded") else ""


def _said(workload: Object, status: Object, kind: str, value: str) -> str:
    """Reason and message of a condition of the present spec."""
    if not _seen(workload):
        return ""
    for condition in status.get("conditions") or ():
        if isinstance(condition, dict) and (condition.get("type"), condition.get("status")) == (kind, value):
            return f"{condition.get('reason')}: {condition.get('message') or 'no reason given'}"[:_LONGEST]
    return ""
