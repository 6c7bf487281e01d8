"""The objects of an Application as a tree, with health."""

from __future__ import annotations

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import HOOK_RUN, ROLLOUT, annotation


def rooted(objects: list[Object], below: dict[str, list[Object]]) -> list[Object]:
    """The trees of some objects; a rollout's workloads under its policy."""
    from gitops_agent.api.rollout_policy import KIND
    from gitops_agent.rollout.progress import RolloutProgress

    policies = {RolloutProgress.of(obj).workload: obj for obj in objects if obj["kind"] == KIND}
    makers = {(key.namespace, key.name): str(obj["metadata"]["uid"]) for key, obj in policies.items()}
    nodes: dict[str, list[Object]] = {}
    for obj in objects:
        maker = makers.get((str(obj["metadata"].get("namespace") or ""), annotation(obj, ROLLOUT) or ""))
        if maker is not None:
            nodes.setdefault(maker, []).append(obj)
    hung = {str(obj["metadata"]["uid"]) for parts in nodes.values() for obj in parts}
    below = {**below, **{uid: [*below.get(uid, []), *parts] for uid, parts in nodes.items()}}
    roots = []
    for obj in objects:
        if str(obj["metadata"]["uid"]) not in hung:
            root = node(obj, below)
            roots.append(root | {"message": RolloutProgress.of(obj).message, "told": True} if obj["kind"] == KIND else root)
    return roots


def node(obj: Object, below: dict[str, list[Object]]) -> Object:
    """An object with its health and dependants, as JSON values."""
    from gitops_agent.sync.health import assess

    health = assess(obj)
    hook = annotation(obj, HOOK_RUN) is not None
    parts = sorted(below.get(str(obj["metadata"]["uid"]), []), key=ObjectKey.of)
    return {
        "object": str(ObjectKey.of(obj)),
        "past": obj["kind"] == "ReplicaSet" and (obj.get("spec") or {}).get("replicas") == 0,
        "health": health.status.value,
        "reason": health.reason,
        "hook": hook,
        "message": health.message,
        "told": health.status.value != "Healthy",
        "children": [node(part, below) for part in parts],
    }
