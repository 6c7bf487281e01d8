"""Pods of all sides of a rollout, read live from the cluster.

Problem: the status of a policy has no numbers of pods, since it would then change with every one of them. Decision: command and
dashboard read the workloads as their user: three objects at most for numbers, and the pods only where each is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import DEPLOYMENT, POD
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.workload_status import pods as numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLine:
    """One pod: its images, its health and the reason."""

    name: str
    images: tuple[str, ...]
    health: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodGroup:
    """One side.

    Attributes:
        role: stable or new (the workload itself), canary, preview or baseline.
        workload: the object.
        version: the hash it was last applied with; empty when unknown.
        images: of its containers.
        wanted: pods asked for.
        available: pods that serve.
        updated: pods of the workload's present version, available or not.
        pods: by name.
        there: whether the workload exists.
    """

    role: str
    workload: ObjectKey
    version: str = ""
    images: tuple[str, ...] = ()
    wanted: int = 0
    available: int = 0
    updated: int = 0
    pods: tuple[PodLine, ...] = ()
    there: bool = False


def sides(standing: RolloutProgress, workloads: Mapping[ObjectKey, Object], pods: Iterable[Object]) -> tuple[PodGroup, ...]:
    """The live sides: workload, canary and baseline.

    Args:
        standing: the rollout.
        workloads: the live workloads, by key.
        pods: the live pods of all sides.
    """
    mine: dict[str, list[Object]] = {}
    for pod in pods:
        mine.setdefault(_place(pod), []).append(pod)
    role = _role(standing, workloads.get(standing.workload))
    result = [_side(role, standing.workload, workloads, mine.get("", []))]
    for variant, key in made(standing).items():
        side = _side("preview" if standing.strategy == "blueGreen" else variant, key, workloads, mine.get(variant, []))
        result += [side] if side.there or side.pods else []
    return tuple(result)


def look(access: ClusterClient, standing: RolloutProgress) -> tuple[tuple[PodGroup, ...], dict[GroupKind, str]]:
    """The sides, read now, and why a kind cannot be read.

    A side whose workload cannot be read is left out, so that it is not taken for one without pods.
    """
    workloads, unseen = _workloads(access, standing)
    pods: Sequence[Object] = ()
    if selector := selecting(workloads.get(standing.workload)):
        try:
            resource = access.discovery.find(POD.group, POD.kind)
            pods = access.objects.list(resource, namespace=standing.key.namespace, label_selector=selector).items
        except AgentError as error:
            unseen[POD] = str(error)
    return _readable(sides(standing, workloads, pods), unseen), unseen


def count(access: ClusterClient, standing: RolloutProgress) -> tuple[tuple[PodGroup, ...], dict[GroupKind, str]]:
    """As `look`, without the pods: three objects at most are read."""
    workloads, unseen = _workloads(access, standing)
    return _readable(sides(standing, workloads, ()), unseen), unseen


def made(standing: RolloutProgress) -> dict[str, ObjectKey]:
    """The Deployments that the run under way makes, by what they are."""
    state, what = standing.state, standing.run
    if state.target is None or what is None or what.rolling or not state.running:
        return {}
    names = {canary_objects.CANARY: canary_objects.canary_name(standing.workload.name, state.target.hash)}
    if state.baseline and state.stable is not None:
        names[canary_objects.BASELINE] = canary_objects.baseline_name(standing.workload.name, state.stable.hash)
    return {role: DEPLOYMENT.named(standing.key.namespace, name) for role, name in names.items()}


def selecting(workload: Object | None) -> str:
    """A label selector for the pods of all sides.

    Empty when the workload is absent, or selects by expressions.
    """
    labels = (((workload or {}).get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def document(groups: Sequence[PodGroup]) -> list[Object]:
    """The sides as JSON values."""
    return [
        {
            "role": side.role,
            "workload": str(side.workload),
            "version": side.version,
            "images": list(side.images),
            "wanted": side.wanted,
            "available": side.available,
            "updated": side.updated,
            "pods": [
                {"name": pod.name, "images": list(pod.images), "health": pod.health, "message": pod.message}
                for pod in side.pods
            ],
        }
        for side in groups
    ]


def _workloads(access: ClusterClient, standing: RolloutProgress) -> tuple[dict[ObjectKey, Object], dict[GroupKind, str]]:
    """The live workloads, and why a kind cannot be read."""
    workloads: dict[ObjectKey, Object] = {}
    unseen: dict[GroupKind, str] = {}
    for key in (standing.workload, *made(standing).values()):
        try:
            workloads[key] = access.objects.get(key)
        except NotFound:
            continue
        except AgentError as error:
            unseen[key.group_kind] = str(error)
    return workloads, unseen


def _readable(shown: Iterable[PodGroup], unseen: Mapping[GroupKind, str]) -> tuple[PodGroup, ...]:
    return tuple(side for side in shown if side.there or side.workload.group_kind not in unseen)


def _side(role: str, key: ObjectKey, workloads: Mapping[ObjectKey, Object], pods: Sequence[Object]) -> PodGroup:
    lines = tuple(_pod(pod) for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])))
    live = workloads.get(key)
    if live is None:
        return PodGroup(role=role, workload=key, pods=lines)
    counted = numbers(live)
    return PodGroup(
        role=role,
        workload=key,
        version=counted.version.hash if counted.version else "",
        images=_images((live.get("spec") or {}).get("template") or {}),
        wanted=counted.replicas,
        available=counted.available,
        updated=counted.updated,
        pods=lines,
        there=True,
    )


def _role(standing: RolloutProgress, live: Object | None) -> str:
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
    return tuple(str(container.get("image") or "") for container in (template.get("spec") or {}).get("containers") or ())


def _place(pod: Object) -> str:
    """The side of a pod: canary or baseline; empty for the workload."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    if labels.get(canary_objects.VARIANT) == canary_objects.CANARY:
        return canary_objects.CANARY
    return canary_objects.BASELINE if canary_objects.ROLLOUT_HASH in labels else ""
