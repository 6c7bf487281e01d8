"""The label on the leader's pod, which a Service selects.

Problem: every replica is ready, but only the leader takes webhooks. Decision: the leader labels its own pod, so that a Service
sends deliveries there and no replica has to pass requests on. A label that a killed leader left is taken away by the process
that follows it in the same pod; until then that process answers 503.
"""

from __future__ import annotations

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.kinds import POD
from gitops_agent.manifest.marks import PREFIX
from gitops_agent.observe.log import logger

LABEL = PREFIX + "leader"
_log = logger("agent")


class LeaderLabel:
    """Labels a pod between `start` and `stop`.

    Args:
        objects: the cluster, unfenced: the label of a lost leader has to go.
        namespace: of the pod.
        pod: its name; empty outside a cluster, where nothing is labelled.
    """

    def __init__(self, objects: Objects, namespace: str, pod: str) -> None:
        self._objects, self._pod = objects, POD.named(namespace, pod)

    def start(self) -> None:
        """Labels the pod."""
        self._write("true")

    def stop(self) -> None:
        """Takes the label away."""
        self._write(None)

    def _write(self, value: str | None) -> None:
        if not self._pod.name:
            return
        try:
            self._objects.merge_patch(self._pod, {"metadata": {"labels": {LABEL: value}}})
        except AgentError as error:
            _log.warning("the pod of the leader cannot be labelled, so no webhook reaches it", pod=self._pod.name, error=error)
