"""Detects that the agent itself is being uninstalled.

Deleting the agent's namespace or its CRDs deletes its Applications too, one by one, like deletions that a user requested. To
remove the agent does not mean to remove the workloads. So the state of the installation is read before an Application is pruned,
and an Application that is deleted along with the agent is orphaned.
"""

from __future__ import annotations

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import NotFound
from gitops_agent.install.bundle import NAME
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import CRD, GROUP, NAMESPACE, SERVICE_ACCOUNT


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
