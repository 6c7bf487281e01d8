"""The dashboard of one user, on their own machine."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.server.answers.call import Service
from gitops_agent.server.http.app import Dashboard
from gitops_agent.server.http.event_stream import EventStreams
from gitops_agent.server.http.headers import Origins
from gitops_agent.server.http.sessions import LaptopSessions
from gitops_agent.server.http_server import HttpServer
from gitops_agent.server.listening import listen
from gitops_agent.server.plan_cache import PlanCache
from gitops_agent.server.rows import Rows
from gitops_agent.server.source import ClusterSource

_ADDRESS = "127.0.0.1"


class LocalDashboard:
    """Serves one user until stopped.

    Args:
        access: the cluster as the user.
        everywhere: the Applications of all namespaces.
        cluster: its name, for people.
        port: to listen on; 0 takes a free one.

    Raises:
        AgentError: the port is taken.
    """

    def __init__(self, access: ClusterClient, *, everywhere: bool = False, cluster: str = "", port: int = 0) -> None:
        self._source = source = ClusterSource(access, everywhere=everywhere)
        rows = Rows(source.application, source.policy)
        streams = EventStreams(rows, source.applications)
        self._folder = tempfile.TemporaryDirectory(prefix="gitops-agent-")
        service = Service(
            source=source,
            rows=rows,
            plans=PlanCache(),
            mode="laptop",
            cluster=cluster,
            folder=Path(self._folder.name),
            viewers=lambda: streams.count,
        )
        self._sessions = LaptopSessions(access)
        self._dashboard = Dashboard(service, self._sessions, Origins(), streams)
        self._server = HttpServer(self._dashboard, listen(_ADDRESS, port, setting="dashboard"), name="http-ui")

    @property
    def address(self) -> str:
        """The address to open, with its code."""
        return f"http://{_ADDRESS}:{self._server.port}/?code={self._sessions.code}"

    def start(self) -> None:
        """Reads the Applications, and begins to serve.

        Raises:
            UsageError: the agent's resources are not installed.
        """
        self._source.start()
        self._server.start()

    def stop(self) -> None:
        """Ends everything."""
        self._dashboard.stop()
        self._server.stop()
        self._source.stop()
        self._folder.cleanup()
