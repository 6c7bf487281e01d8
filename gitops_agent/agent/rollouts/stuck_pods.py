"""Lets a StatefulSet go back.

A StatefulSet with ordered pods waits for each pod to become ready before it looks at the next one, also for a pod of a version
that was given up: the stable manifests are applied and nothing happens, for ever. Kubernetes leaves the deletion of that pod to
people. On the way back of a rollout the agent does it, since nobody else will: the pod is not ready, and is not what it should
be.
"""

from __future__ import annotations

import contextlib

from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.observe.log import logger
from gitops_agent.rollout.workload_status import stuck

_log = logger("rollout")
_PODS = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True)


class StuckPodRemover:
    """See the module's text.

    Args:
        objects: lists and deletes pods.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def free(self, workload: Object, *, as_user: str | None = None) -> None:
        """Deletes the pods that keep a live workload from becoming what it is asked to be; most often there are none.

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
            key = ObjectKey("", "Pod", namespace, str(pod["metadata"]["name"]))
            _log.info("a pod that cannot become ready holds up the way back", object=str(key))
            with contextlib.suppress(NotFound):
                self._objects.delete(key, uid=str(pod["metadata"]["uid"]), propagation="Background", as_user=as_user)
