"""Detects that the agent itself is being uninstalled, and removes its parts.

Deleting the agent's namespace or its CRDs deletes its Applications too, one by one, like deletions that a user requested. To
remove the agent does not mean to remove the workloads. So the state of the installation is read before an Application is
pruned, and an Application that is deleted along with the agent is orphaned.
"""

from __future__ import annotations

from gitops_agent.api.application import DeletionPolicy
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, NotFound, UnknownKind
from gitops_agent.install.bundle import NAME
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION, CRD, GROUP, NAMESPACE, SERVICE_ACCOUNT
from gitops_agent.manifest.marks import FINALIZER


def terminating(objects: Objects, namespace: str) -> ObjectKey | None:
    """The part of the installation that is being deleted, or None.

    Raises:
        ClusterError: a part could not be read; that is no proof that it stays.
    """
    parts = (NAMESPACE.named("", namespace), CRD.named("", f"applications.{GROUP}"), SERVICE_ACCOUNT.named(namespace, NAME))
    return next((part for part in parts if _is_terminating(objects, part)), None)


def _is_terminating(objects: Objects, key: ObjectKey) -> bool:
    try:
        return bool(objects.get(key, metadata_only=True)["metadata"].get("deletionTimestamp"))
    except NotFound:
        return False


def orphan(objects: Objects, application: Object) -> None:
    """Sets an Application to orphan and removes the agent's finalizer.

    Raises:
        ClusterError: the server refused or gave no answer.
    """
    metadata = application["metadata"]
    finalizers = [name for name in metadata.get("finalizers") or () if name != FINALIZER]
    patch: Object = {
        "metadata": {"finalizers": finalizers or None, "resourceVersion": metadata["resourceVersion"]},
        "spec": {"deletionPolicy": DeletionPolicy.ORPHAN.value},
    }
    key = APPLICATION.named(str(metadata["namespace"]), str(metadata["name"]))
    try:
        objects.merge_patch(key, patch)
    except NotFound:
        return
    except Conflict:
        try:
            fresh = objects.get(key)
        except NotFound:
            return
        orphan(objects, fresh)


def delete(objects: Objects, key: ObjectKey) -> bool:
    """Deletes a part; False when it is gone already.

    Raises:
        ClusterError: the server refused or gave no answer.
    """
    try:
        live = objects.get(key, metadata_only=True)
        if not live["metadata"].get("deletionTimestamp"):
            objects.delete(key, uid=str(live["metadata"]["uid"]), propagation="Foreground")
    except (NotFound, UnknownKind):
        return False
    return True


def is_gone(objects: Objects, key: ObjectKey) -> bool:
    """Whether a part is gone.

    Raises:
        ClusterError: the server refused or gave no answer.
    """
    try:
        objects.get(key, metadata_only=True)
    except (NotFound, UnknownKind):
        return True
    return False
