"""The gateway under test traffic goes through: Envoy, driven by the Gateway API's objects."""

from __future__ import annotations

from pathlib import Path

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError

PORT = 8000
"""Of the only listener; Gateways of the class `CLASS` use it."""

CLASS = "traffic"
"""The GatewayClass the stage makes."""

NAME = "edge"
"""The Gateway the stage makes in `NAMESPACE`: one HTTP listener `web` on `PORT`, open to routes of all namespaces."""

NAMESPACE = "gateway"


class Gateway:
    """Envoy and the controller that tells it about HTTPRoutes.

    Args:
        transport: the API server.
        discovery: its kinds.
        directory: for configuration and logs.

    Attributes:
        url: `http://127.0.0.1:PORT`.
    """

    def __init__(self, transport: Transport, discovery: Discovery, directory: Path) -> None:
        self.url = f"http://127.0.0.1:{PORT}"
        self._transport, self._discovery, self._directory = transport, discovery, directory

    def start(self) -> None:
        """Starts it and returns once it takes requests; routes are in force when their status says so.

        Raises:
            AgentError: it ended, or was not ready in time.
        """
        raise AgentError("the gateway is not there yet", reason="SandboxFailed")

    def kill(self) -> None:
        """Kills the proxy at once; the controller stays and goes on once it is started again."""

    def stop(self) -> None:
        """Ends both."""
