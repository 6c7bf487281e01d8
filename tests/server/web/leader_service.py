"""The Service before replicas: it connects to the pod that leads.

A control plane without nodes has no Endpoints, so the pods are looked up by the label as a Service does it; a pod whose process
is gone takes no connection, as one that is not ready.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from gitops_agent.agent.leader_label import LABEL
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import SECONDS, Agent, InstalledAgent
from tests.waiting import eventually

_CHUNK = 65_536


class LeaderService:
    """Forwards connections to the dashboard of the replica that leads.

    Args:
        installed: the installation.
        replicas: by the names of their pods, which are created.
    """

    def __init__(self, installed: InstalledAgent, replicas: dict[str, Agent]) -> None:
        self._plane, self._pods = installed.plane, f"/api/v1/namespaces/{installed.namespace}/pods"
        self._replicas = replicas

    def leaders(self) -> list[str]:
        """The names of the pods with the label."""
        pods = self._plane.request("GET", f"{self._pods}?labelSelector={quote(f'{LABEL}=true')}")
        return [pod["metadata"]["name"] for pod in pods["items"]]

    def connect(self) -> socket.socket | None:
        """A connection to the replica that leads, None while none does."""
        for name in self.leaders():
            port = eventually(partial(dashboard_port, self._replicas[name]))
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        return None

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Its address, while it forwards."""
        service = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                leader = service.connect()
                if leader is not None:
                    with leader:
                        leader.settimeout(None)
                        exchange(self.request, leader)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


def dashboard_port(agent: Agent) -> int:
    """Where a replica serves its dashboard, 0 before it does."""
    lines = agent.said("serving the dashboard")
    return int(lines[-1]["port"]) if lines else 0


def create_pod(plane: ControlPlane, namespace: str, name: str) -> None:
    """Creates the pod of a replica, which nothing starts."""
    spec = {"containers": [{"name": "agent", "image": "gitops-agent"}], "automountServiceAccountToken": False}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    plane.request("POST", f"/api/v1/namespaces/{namespace}/pods", pod)


def exchange(first: socket.socket, other: socket.socket) -> None:
    """Passes bytes both ways until both are at their end."""
    back = threading.Thread(target=pass_on, args=(other, first), daemon=True)
    back.start()
    pass_on(first, other)
    back.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Passes bytes one way until the end, and ends the other connection."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
