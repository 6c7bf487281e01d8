"""Objects of an Application, read as the viewer: tree, object, logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import POD
from gitops_agent.manifest.marks import owner
from gitops_agent.manifest.masking import LAST_APPLIED, masked
from gitops_agent.manifest.yaml import dump
from gitops_agent.operations.object_tree import rooted
from gitops_agent.preview.owned_objects import children, owned
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.plain_text import plain
from gitops_agent.server.source import lean
from gitops_agent.server.views.base import ApplicationName, CannotSee, ObjectName
from gitops_agent.server.views.tree import HealthCounts, ObjectView, TreeNode, TreeView

_DIFFERS = frozenset({"Drifted", "Undeclared", "OutOfSync", "Fighting", "Changed"})
_DEPTH = 12
_CORE = "core"
_CLUSTER = "-"


def tree(call: Call) -> TreeView:
    """The declared objects and their dependants, with health."""
    live = call.application()
    access = call.access(call.key.namespace)
    objects, unseen = owned(access, call.key)
    below, unseen_below = _children(access, objects)
    unseen |= unseen_below
    every = {ObjectKey.of(obj): obj for obj in (*objects, *(obj for parts in below.values() for obj in parts))}
    objects.sort(key=ObjectKey.of)
    problems = {
        str(each.get("object")): each for each in ((live.get("status") or {}).get("resources") or {}).get("problems") or ()
    }
    declared = {ObjectKey.of(obj) for obj in objects}
    nodes = [_node(root, every, declared, problems) for root in rooted(objects, below)]
    nodes += _missing(problems, every)
    return TreeView(
        application=ApplicationName(namespace=call.key.namespace, name=call.key.name),
        nodes=tuple(nodes),
        counts=_counts(nodes),
        cannot_see=cannot_see(unseen),
    )


def one(call: Call) -> ObjectView:
    """One live object, without values of Secrets and without kubectl's copy."""
    call.application()
    live = owned_object(call, named_key(call))
    annotations = {name: value for name, value in (live["metadata"].get("annotations") or {}).items() if name != LAST_APPLIED}
    shown = {**live, "metadata": {**live["metadata"], "annotations": annotations}}
    return ObjectView(
        object=object_name(ObjectKey.of(live)),
        yaml=dump(masked(lean(shown))),
        resource_version=str(live["metadata"].get("resourceVersion") or ""),
    )


def cannot_see(unseen: dict[GroupKind, str]) -> tuple[CannotSee, ...]:
    """Kinds that could not be read."""
    return tuple(CannotSee(kind=str(kind), why=plain(why)) for kind, why in sorted(unseen.items()))


def object_name(key: ObjectKey) -> ObjectName:
    """The identity of an object as a view."""
    return ObjectName(group=key.group, kind=key.kind, namespace=key.namespace, name=key.name)


def _children(access: ClusterClient, objects: list[Object]) -> tuple[dict[str, list[Object]], dict[GroupKind, str]]:
    """The dependants; where pods may not be listed, that is said instead."""
    try:
        return children(access, objects)
    except AgentError as error:
        return {}, {POD: str(error)}


def _node(raw: Object, every: dict[ObjectKey, Object], declared: set[ObjectKey], problems: dict[str, Object]) -> TreeNode:
    key = ObjectKey.parse(raw["object"])
    obj = every.get(key) or {}
    metadata = obj.get("metadata") or {}
    trouble = problems.get(str(key)) or {}
    healthy = raw["health"] == "Healthy"
    return TreeNode(
        object=object_name(key),
        uid=str(metadata.get("uid") or ""),
        health=raw["health"],
        reason=str(raw["reason"] or (trouble.get("reason") or "" if not healthy else "")),
        message=plain(str((trouble.get("message") if not healthy else "") or raw["message"] or "")),
        declared=key in declared,
        drifted=str(trouble.get("reason")) in _DIFFERS,
        hook=bool(raw["hook"]),
        past=bool(raw["past"]),
        logs=containers_of(obj),
        created_at=str(metadata.get("creationTimestamp") or ""),
        children=tuple(_node(child, every, declared, problems) for child in raw["children"]),
    )


def _missing(problems: dict[str, Object], every: dict[ObjectKey, Object]) -> Iterator[TreeNode]:
    """Declared objects that are not there."""
    for text, each in sorted(problems.items()):
        try:
            key = ObjectKey.parse(text)
        except ValueError:
            continue
        if key not in every:
            yield TreeNode(
                object=object_name(key),
                health="Missing",
                reason=str(each.get("reason") or ""),
                message=plain(str(each.get("message") or "")),
            )


def _counts(nodes: Iterable[TreeNode]) -> HealthCounts:
    counts: dict[str, int] = dict.fromkeys(HealthCounts.model_fields, 0)
    for node in nodes:
        name = node.health.lower()
        counts[name if name in counts else "unknown"] += 1
    return HealthCounts(**counts)


def containers_of(obj: Object, *, every: bool = True) -> tuple[str, ...]:
    """The containers of a pod or workload, then those that run before."""
    spec = obj.get("spec") or {}
    if obj.get("kind") != "Pod":
        spec = (spec.get("template") or {}).get("spec") or {} if isinstance(spec.get("template"), dict) else {}
    listed = [*(spec.get("containers") or ()), *((spec.get("initContainers") or ()) if every else ())]
    return tuple(str(each.get("name")) for each in listed if isinstance(each, dict))


def named_key(call: Call) -> ObjectKey:
    """The object that the path names."""
    names = call.names
    group = "" if names["group"] == _CORE else names["group"]
    namespace = "" if names["objectNamespace"] == _CLUSTER else names["objectNamespace"]
    return ObjectKey(group, names["kind"], namespace, names["object"])


def owned_object(call: Call, key: ObjectKey) -> Object:
    """A live object that the Application owns, or that hangs below one.

    Raises:
        NotFound: there is none, or it belongs to another.
    """
    access = call.access(call.key.namespace)
    live = access.objects.get(key)
    top = live
    for _ in range(_DEPTH):
        if owner(top) == call.key:
            return live
        makers = [each for each in top["metadata"].get("ownerReferences") or () if each.get("controller")]
        if not makers:
            break
        group = str(makers[0].get("apiVersion") or "").rpartition("/")[0]
        top = access.objects.get(ObjectKey(group, str(makers[0]["kind"]), key.namespace, str(makers[0]["name"])))
    raise NotFound(f"{key} is no object of Application {call.key}", status=404)


ANSWERS: dict[str, Answer] = {"tree": tree, "object": one}
