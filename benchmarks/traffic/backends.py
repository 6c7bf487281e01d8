"""The pods of the cluster as servers: those that run answer, as long as they run."""

from __future__ import annotations

from benchmarks.traffic.pods import Pod, PodWatch
from benchmarks.traffic.servers import Servers
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport


class Backends(Servers):
    """The servers, told by a watch which pods there are.

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
