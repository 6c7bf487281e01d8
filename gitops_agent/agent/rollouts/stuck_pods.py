"""Deletes the pods that block the rollback of a StatefulSet.

Problem: a StatefulSet with ordered pods waits for each pod to become ready before it replaces the next, also for a pod of a
rejected version: the stable manifests are applied and nothing happens, for ever. Kubernetes leaves the deletion of that pod to
users. Decision: during a rollback the agent deletes it, when it is neither ready nor of the stable version.
"""

from __future__ import annotations

import contextlib

from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import POD
from gitops_agent.observe.log import logger
from gitops_agent.rollout.workload_status import stuck

_log = logger("rollout")
_PODS = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True)


class StuckPodRemover:
    """Deletes blocking pods of a StatefulSet during a rollback.

    Args:
        objects: lists and deletes pods.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def free(self, workload: Object, *, as_user: str | None = None) -> None:
        """Deletes the pods that block a live workload, if there are any.

        Raises:
            ClusterError: the API server refused or gave no answer.
        """
        if workload.get("kind") != "StatefulSet":
            return
        namespace = str(workload["metadata"]["namespace"])
        labels = workload["spec"]["selector"].get("matchLabels") or {}
        selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        listing = self._objects.list(_PODS, namespace=namespace, label_selector=selector, as_user=as_user)
        for pod in stuck(workload, listing.items):
            key = POD.named(namespace, str(pod["metadata"]["name"]))
            _log.info("a pod that cannot become ready blocks the rollback", object=str(key))
            with contextlib.suppress(NotFound):
                self._objects.delete(key, uid=str(pod["metadata"]["uid"]), propagation="Background", as_user=as_user)
