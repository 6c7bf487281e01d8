"""Counts dependants that are listed, and says what goes beside them.

Problem: a namespace is never empty, and most of what it holds comes and goes by itself. Decision: what a controller makes anew,
what every namespace is born with, and what the plan itself deletes are no dependants. An owner prevents deletions, so only
verified marks name one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CONTROLLER_REVISION, CORE_EVENT, ENDPOINT_SLICE, ENDPOINTS, EVENT
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import owner
from gitops_agent.sync.planning.deletion_guard import Dependants

UNCOUNTED = frozenset(
    {
        CORE_EVENT,
        EVENT,
        ENDPOINTS,
        ENDPOINT_SLICE,
        CONTROLLER_REVISION,
        GroupKind("coordination.k8s.io", "Lease"),
        GroupKind("metrics.k8s.io", "PodMetrics"),
    },
)
"""Kinds that come and go by themselves in every namespace."""

GIVEN = frozenset({("", "ServiceAccount", "default"), ("", "ConfigMap", "kube-root-ca.crt")})
"""Objects that every namespace is born with."""

_SAMPLES = 10


def counted(
    objects: Iterable[Object], application: AppKey, going: frozenset[ObjectKey], authority: MarkAuthority | None
) -> Dependants:
    """Counts the objects that go along with another one.

    Args:
        objects: what is listed under it, as far as its metadata.
        application: whose plan it is; objects of others are named first, then those of none.
        going: what the plan itself removes.
        authority: verifies marks; without one they are taken at their word.
    """
    named = [(obj, ObjectKey.of(obj)) for obj in objects if not _controlled(obj)]
    owners = [
        (key, owner(obj) if authority is None else authority.owner(obj))
        for obj, key in named
        if not _given(key) and key not in going and key.group_kind not in UNCOUNTED
    ]
    elsewhere = [entry for entry in owners if entry[1] not in (None, application)]
    unowned = [entry for entry in owners if entry[1] is None]
    shown = [*elsewhere, *unowned, *(entry for entry in owners if entry[1] == application)]
    return Dependants(
        total=len(owners),
        declared_elsewhere=len(elsewhere),
        samples=tuple(_sample(key, whose, application) for key, whose in shown[:_SAMPLES]),
    )


def volume_note(claim: Object, volume: Object) -> str:
    """What happens to the data of a claim."""
    spec = volume.get("spec") or {}
    policy = spec.get("persistentVolumeReclaimPolicy")
    size = (spec.get("capacity") or {}).get("storage", "unknown size")
    name, key = volume["metadata"]["name"], ObjectKey.of(claim)
    if policy == "Delete":
        return f"the data of {key} ({size}, volume {name}, reclaim policy Delete)"
    return f"volume {name} of {key} stays (reclaim policy {policy})"


def balancer_note(service: Object) -> Iterator[str]:
    """The load balancer of a Service, if it asks for one."""
    if (service.get("spec") or {}).get("type") != "LoadBalancer":
        return
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    addresses = ", ".join(str(address.get("ip") or address.get("hostname")) for address in ingress) or "no address yet"
    yield f"the load balancer of {ObjectKey.of(service)} ({addresses})"


def pods_note(workload: Object) -> Iterator[str]:
    """How many pods a workload has, if any."""
    status = workload.get("status") or {}
    pods = status.get("replicas") or status.get("currentNumberScheduled") or 0
    if pods:
        yield f"{pods} pod{'s' if pods > 1 else ''} of {ObjectKey.of(workload)}"


def _sample(key: ObjectKey, whose: AppKey | None, application: AppKey) -> str:
    return f"{key} (of {whose})" if whose not in (None, application) else str(key)


def _controlled(obj: Object) -> bool:
    refs = (obj.get("metadata") or {}).get("ownerReferences") or ()
    return any(isinstance(ref, dict) and ref.get("controller") for ref in refs)


def _given(key: ObjectKey) -> bool:
    return (key.group, key.kind, key.name) in GIVEN
