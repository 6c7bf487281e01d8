"""Objects of an application: by label, then by owner references."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import AppKey, GroupKind, Object
from gitops_agent.manifest.kinds import JOB, PERSISTENT_VOLUME_CLAIM, POD, REPLICA_SET
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


def children(access: ClusterClient, parents: Iterable[Object]) -> dict[str, list[Object]]:
    """The dependants by UID of the owner.

    ReplicaSets, Jobs, Pods and claims that it, or what it owns, controls.
    """
    namespaces = {str(obj["metadata"].get("namespace")) for obj in parents if obj["metadata"].get("namespace")}
    by_parent: dict[str, list[Object]] = {}
    for kind in _CHILD_KINDS:
        resource = access.discovery.find(kind.group, kind.kind)
        for namespace in sorted(namespaces):
            for obj in access.objects.list(resource, namespace=namespace).items:
                for reference in obj["metadata"].get("ownerReferences") or ():
                    if reference.get("controller"):
                        by_parent.setdefault(str(reference["uid"]), []).append(obj)
    return by_parent
