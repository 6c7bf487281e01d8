"""Objects of an Application, read as the viewer: tree, object, logs."""

from __future__ import annotations

import re
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
from gitops_agent.server.answers.listing import number
from gitops_agent.server.plain_text import plain
from gitops_agent.server.source import lean
from gitops_agent.server.views.base import ApplicationName, CannotSee, ObjectName
from gitops_agent.server.views.timeline import LogLine, LogView
from gitops_agent.server.views.tree import HealthCounts, ObjectView, TreeNode, TreeView

_DIFFERS = frozenset({"Drifted", "Undeclared", "OutOfSync", "Fighting", "Changed"})
_CONTAINERS = 10
_BYTES = 1 << 20
_DEPTH = 12
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\S+) (.*)", re.DOTALL)
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
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
    live = _owned_object(call, _key(call))
    annotations = {name: value for name, value in (live["metadata"].get("annotations") or {}).items() if name != LAST_APPLIED}
    shown = {**live, "metadata": {**live["metadata"], "annotations": annotations}}
    return ObjectView(
        object=object_name(ObjectKey.of(live)),
        yaml=dump(masked(lean(shown))),
        resource_version=str(live["metadata"].get("resourceVersion") or ""),
    )


def logs(call: Call) -> LogView:
    """The last lines of the pods of an object."""
    call.application()
    access, key = call.access(call.key.namespace), _key(call)
    pods = list(_pods(access, _owned_object(call, key)))
    previous = call.query["previous"] == "true"
    query = {
        "tailLines": str(number(call.query["tail"], "tail", lowest=1, highest=5_000)),
        "timestamps": "true",
        "limitBytes": str(_BYTES),
        "previous": str(previous).lower(),
    }
    lines: list[LogLine] = []
    problems: list[str] = []
    for pod in pods[:_CONTAINERS]:
        for container in [name for name in _containers_of(pod) if call.query["container"] in ("", name)]:
            try:
                lines += _read(access, pod, container, query)
            except AgentError as error:
                problems.append(f"{pod['metadata']['name']}/{container}: {error}")
    if len(pods) > _CONTAINERS:
        problems.append(f"{_CONTAINERS} of {len(pods)} pods are shown: choose one")
    lines.sort(key=lambda line: line.at)
    return LogView(object=object_name(key), lines=tuple(lines), previous=previous, problem=plain("; ".join(problems)))


def _read(access: ClusterClient, pod: Object, container: str, query: dict[str, str]) -> Iterator[LogLine]:
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    answer = access.transport.exchange("GET", path, query=query | {"container": container}, accept="*/*")
    for line in answer.body.decode("utf-8", "replace").splitlines():
        match = _STAMPED.match(line)
        at, text = (match[1], match[2]) if match else ("", line)
        yield LogLine(at=at, pod=str(metadata["name"]), container=container, text=_CONTROL.sub("", text))


def _pods(access: ClusterClient, obj: Object) -> Iterator[Object]:
    """The pods that an object is, or owns, newest first."""
    if obj["kind"] == "Pod":
        yield obj
        return
    below, _ = children(access, [obj])
    todo, pods = [obj], []
    while todo:
        for part in below.get(str(todo.pop()["metadata"]["uid"]), ()):
            if part["kind"] == "Pod":
                pods.append(part)
            todo.append(part)
    yield from sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), reverse=True)


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
        logs=_containers_of(obj),
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


def _containers_of(obj: Object) -> tuple[str, ...]:
    spec = obj.get("spec") or {}
    if obj.get("kind") != "Pod":
        spec = (spec.get("template") or {}).get("spec") or {} if isinstance(spec.get("template"), dict) else {}
    return tuple(str(each.get("name")) for each in spec.get("containers") or () if isinstance(each, dict))


def _key(call: Call) -> ObjectKey:
    names = call.names
    group = "" if names["group"] == _CORE else names["group"]
    namespace = "" if names["objectNamespace"] == _CLUSTER else names["objectNamespace"]
    return ObjectKey(group, names["kind"], namespace, names["object"])


def _owned_object(call: Call, key: ObjectKey) -> Object:
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


ANSWERS: dict[str, Answer] = {"tree": tree, "object": one, "logs": logs}
