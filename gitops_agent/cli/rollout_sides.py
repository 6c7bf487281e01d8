"""The pods of both sides of a rollout as they are at this moment: read from the cluster, not from any status of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops_agent.cli.access import Access
from gitops_agent.cli.rollout_standing import Standing
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.rollout import variants
from gitops_agent.rollout.pods import pods as numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLine:
    """One pod: what it runs, how it is, and why where it is not well."""

    name: str
    images: tuple[str, ...]
    health: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side.

    Attributes:
        role: stable, new or canary.
        workload: the object.
        version: the hash it was last applied with; empty when unknown.
        images: of its containers.
        wanted: pods asked for.
        available: pods that serve.
        pods: by name.
        there: whether the workload exists.
    """

    role: str
    workload: ObjectKey
    version: str = ""
    images: tuple[str, ...] = ()
    wanted: int = 0
    available: int = 0
    pods: tuple[PodLine, ...] = ()
    there: bool = False


def sides(standing: Standing, workloads: Mapping[ObjectKey, Object], pods: Iterable[Object]) -> tuple[Side, ...]:
    """The sides: the workload, and the second Deployment while there should be one or is one.

    Args:
        standing: the rollout.
        workloads: the live workloads, by key.
        pods: the live pods of both sides.
    """
    mine: dict[bool, list[Object]] = {False: [], True: []}
    for pod in pods:
        mine[_labels(pod).get(variants.VARIANT) == variants.CANARY].append(pod)
    first = _side(_role(standing, workloads.get(standing.workload)), standing.workload, workloads, mine[False])
    second = canary(standing)
    if second is None:
        return (first,)
    found = _side("preview" if standing.strategy == "blueGreen" else "canary", second, workloads, mine[True])
    return (first, found) if found.there or found.pods else (first,)


def look(access: Access, standing: Standing) -> tuple[Side, ...]:
    """The sides, read now.

    Raises:
        ClusterError: the API server does not say.
    """
    found: dict[ObjectKey, Object] = {}
    for key in filter(None, (standing.workload, canary(standing))):
        try:
            found[key] = access.objects.get(key)
        except NotFound:
            continue
    selector = selecting(found.get(standing.workload))
    if not selector:
        return sides(standing, found, ())
    resource = access.discovery.find("", "Pod")
    listing = access.objects.list(resource, namespace=standing.key.namespace, label_selector=selector)
    return sides(standing, found, listing.items)


def canary(standing: Standing) -> ObjectKey | None:
    """The second Deployment of the run under way."""
    target, made = standing.state.target, standing.run
    if target is None or made is None or made.rolling or not standing.state.running:
        return None
    return ObjectKey("apps", "Deployment", standing.key.namespace, variants.canary_name(standing.workload.name, target.hash))


def selecting(workload: Object | None) -> str:
    """A label selector for the pods of both sides; empty when the workload is not there, or selects by expressions."""
    labels = (((workload or {}).get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def document(found: Sequence[Side]) -> list[Object]:
    """The sides as JSON values."""
    return [
        {
            "role": side.role,
            "workload": str(side.workload),
            "version": side.version,
            "images": list(side.images),
            "wanted": side.wanted,
            "available": side.available,
            "pods": [
                {"name": pod.name, "images": list(pod.images), "health": pod.health, "message": pod.message}
                for pod in side.pods
            ],
        }
        for side in found
    ]


def _side(role: str, key: ObjectKey, workloads: Mapping[ObjectKey, Object], found: Sequence[Object]) -> Side:
    lines = tuple(_pod(pod) for pod in sorted(found, key=lambda pod: str(pod["metadata"]["name"])))
    live = workloads.get(key)
    if live is None:
        return Side(role=role, workload=key, pods=lines)
    counted = numbers(live)
    return Side(
        role=role,
        workload=key,
        version=counted.version.hash if counted.version else "",
        images=_images((live.get("spec") or {}).get("template") or {}),
        wanted=counted.replicas,
        available=counted.available,
        pods=lines,
        there=True,
    )


def _role(standing: Standing, live: Object | None) -> str:
    """What the workload itself carries."""
    version = numbers(live).version if live is not None else None
    target, stable = standing.state.target, standing.state.stable
    taken = version is not None and target is not None and version.hash == target.hash
    return "new" if taken and (stable is None or target != stable) and standing.state.running else "stable"


def _pod(pod: Object) -> PodLine:
    from gitops_agent.sync.health import assess

    name, images = str(pod["metadata"]["name"]), _images(pod)
    if pod["metadata"].get("deletionTimestamp"):
        return PodLine(name=name, images=images, health="Terminating", message="is being ended")
    health = assess(pod)
    return PodLine(name=name, images=images, health=health.status.value, message=health.message or health.reason)


def _images(template: Any) -> tuple[str, ...]:
    return tuple(str(one.get("image") or "") for one in (template.get("spec") or {}).get("containers") or ())


def _labels(pod: Object) -> Mapping[str, str]:
    return pod["metadata"].get("labels") or {}
