"""The running pods of the cluster as servers."""

from __future__ import annotations

from benchmarks.traffic.pods import Pod, PodWatch
from benchmarks.traffic.servers import Servers
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport


class Backends(Servers):
    """The servers, added and removed by a watch of pods.

    Args:
        transport: the API server.
        discovery: its kinds.
    """

    def __init__(self, transport: Transport, discovery: Discovery) -> None:
        super().__init__()
        self._watch = PodWatch(transport, discovery, appeared=self.appeared, vanished=self.vanished)

    def start(self) -> None:
        """Returns when every pod there is answers.

        Raises:
            AgentError: a port is taken, or the pods cannot be listed.
        """
        super().start()
        self._watch.start()

    def stop(self) -> None:
        """Ends all of them."""
        self._watch.stop()
        super().stop()

    def pods(self) -> tuple[Pod, ...]:
        """The pods that answer now."""
        return self._watch.all()
