"""Objects of an application: by label, then by owner references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP, JOB, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET
from gitops_agent.manifest.marks import APPLICATION, label_value, owner

if TYPE_CHECKING:
    from gitops_agent.cluster.resource import Resource

_THREADS = 16
_CHILD_KINDS = (
    REPLICA_SET,
    JOB,
    POD,
    PERSISTENT_VOLUME_CLAIM,
)
_OWN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "policy", GROUP}) | {
    f"{name}.k8s.io"
    for name in (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "certificates",
        "coordination",
        "discovery",
        "flowcontrol.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "storage",
    )
}
"""Groups whose kinds own nothing but the kinds above."""


def owned(access: ClusterClient, application: AppKey) -> tuple[list[Object], dict[GroupKind, str]]:
    """The application's marked objects, and the unlistable kinds with reasons."""
    objects, unseen = labelled(access, application)
    return [obj for obj in objects if owner(obj) == application], unseen


def labelled(access: ClusterClient, application: AppKey) -> tuple[list[Object], dict[GroupKind, str]]:
    """The objects with the application's label, and the unlistable kinds."""
    selector = f"{APPLICATION}={label_value(application)}"

    def look(resource: Resource) -> tuple[list[Object], str]:
        if "watch" not in resource.verbs:  # a kind that cannot be watched holds no applied objects
            return [], ""
        try:
            if not access.objects.list(resource, label_selector=selector, metadata_only=True, limit=1).items:
                return [], ""
            return access.objects.list(resource, label_selector=selector).items, ""
        except NotFound:
            return [], ""
        except AgentError as error:
            return [], str(error)

    with ThreadPoolExecutor(_THREADS) as pool:
        kinds = access.discovery.kinds()
        answers = list(zip(kinds, pool.map(look, kinds), strict=True))
    objects = [obj for _, (listed, _) in answers for obj in listed]
    return objects, {resource.group_kind: problem for resource, (_, problem) in answers if problem}


def children(access: ClusterClient, parents: Iterable[Object]) -> tuple[dict[str, list[Object]], dict[GroupKind, str]]:
    """The dependants by UID of the owner, and what cannot be listed.

    Kubernetes' own kinds make ReplicaSets, Jobs, Pods and claims in their namespace. What any other kind makes may be of every
    kind, and where its owner belongs to no namespace, in every one.
    """
    roots = {str(obj["metadata"]["uid"]): obj for obj in parents}
    namespaces = {_namespace(obj) for obj in roots.values()} - {""}
    below = {
        str(obj["metadata"]["uid"]): obj
        for kind in _CHILD_KINDS
        for namespace in sorted(namespaces)
        for obj in access.objects.list(access.discovery.find(kind.group, kind.kind), namespace=namespace).items
    }
    custom = {uid: obj for uid, obj in roots.items() if ObjectKey.of(obj).group not in _OWN_GROUPS}
    more, unseen = _dependants(access, custom) if custom else ({}, {})
    by_parent: dict[str, list[Object]] = {}
    for uid, obj in (below | more).items():
        if uid not in roots:
            for parent in _owners(obj):
                by_parent.setdefault(parent, []).append(obj)
    return by_parent, unseen


def _dependants(access: ClusterClient, roots: Mapping[str, Object]) -> tuple[dict[str, Object], dict[GroupKind, str]]:
    """What hangs below some objects, of every kind, by UID."""
    scopes = {_namespace(obj) for obj in roots.values()}
    scopes = {""} if "" in scopes else scopes

    def look(resource: Resource) -> tuple[list[Object], str]:
        if "watch" not in resource.verbs or resource.kind == "Event" or not (resource.namespaced or "" in scopes):
            return [], ""
        try:
            lists = [access.objects.list(resource, namespace=scope, metadata_only=True).items for scope in sorted(scopes)]
        except NotFound:
            return [], ""
        except AgentError as error:
            return [], str(error)
        return [obj for items in lists for obj in items if _owners(obj)], ""

    with ThreadPoolExecutor(_THREADS) as pool:
        kinds = access.discovery.kinds()
        answers = list(zip(kinds, pool.map(look, kinds), strict=True))
    owned_by: dict[str, list[tuple[str, Resource, str]]] = {}
    for resource, (listed, _) in answers:
        for obj in listed:
            for parent in _owners(obj):
                owned_by.setdefault(parent, []).append((str(obj["metadata"]["uid"]), resource, _namespace(obj)))
    reached: dict[str, tuple[Resource, str]] = {}
    open_ = list(roots)
    while open_:
        for uid, resource, namespace in owned_by.get(open_.pop(), ()):
            if uid not in reached:
                reached[uid] = (resource, namespace)
                open_.append(uid)
    # Metadata says nothing about health, so what was found is read as a whole.
    places = sorted(set(reached.values()), key=str)
    whole = (obj for resource, namespace in places for obj in access.objects.list(resource, namespace=namespace).items)
    objects = {str(obj["metadata"]["uid"]): obj for obj in whole}
    return (
        {uid: obj for uid, obj in objects.items() if uid in reached},
        {resource.group_kind: problem for resource, (_, problem) in answers if problem},
    )


def _owners(obj: Object) -> set[str]:
    """The UIDs of an object's controllers, else of its owners."""
    references = obj["metadata"].get("ownerReferences") or ()
    controllers = {str(reference["uid"]) for reference in references if reference.get("controller")}
    return controllers or {str(reference["uid"]) for reference in references}


def _namespace(obj: Object) -> str:
    return str(obj["metadata"].get("namespace") or "")
