"""Refuses manifests that were made for another cluster.

A directory that holds an agent and its Applications belongs to one cluster. An Application of another cluster that follows it
by mistake would replace that agent and its Applications by these, so the whole directory is refused where a declared
Application names another cluster.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitops_agent.api.application_rules import WRONG_CLUSTER, is_elsewhere
from gitops_agent.errors import RenderError
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.reading import mapping


def refuse_foreign(manifests: Iterable[Manifest], cluster_uid: str) -> None:
    """Checks which cluster the declared Applications name.

    Args:
        manifests: what is declared.
        cluster_uid: the cluster it would be applied to; empty when that is not known.

    Raises:
        RenderError: reason `WrongCluster`, naming the Application and its file.
    """
    for manifest in manifests:
        if manifest.key.group_kind != APPLICATION:
            continue
        pinned = mapping(manifest.obj, "spec", "destination").get("clusterUID")
        if isinstance(pinned, str) and is_elsewhere(pinned, cluster_uid):
            raise RenderError(
                f"{manifest.place} declares the Application {manifest.key.name} for the cluster {pinned}, and this one is "
                f"{cluster_uid}: nothing of it is applied",
                reason=WRONG_CLUSTER,
                file=manifest.file,
            )
