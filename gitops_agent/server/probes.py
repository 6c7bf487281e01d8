"""`/healthz`, `/readyz` and `/metrics` on one port.

Three fixed answers without input need no framework; the standard library's server on a thread of its own is enough, and a
request costs the agent nothing but the text. The dashboard's server is another one, on another port.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gitops_agent.errors import AgentError, UsageError

Check = Callable[[], tuple[bool, str]]


class Probes:
    """Serves the probes until stopped.

    Args:
        address: the address to bind.
        port: the port, 0 for a free one.
        alive: whether the process should live on, and why not.
        ready: whether it does its work, and why not.
        metrics: the exposition text.

    Raises:
        AgentError: reason `NoFreePort`, when another process listens there.
        UsageError: the address is none of this machine, or may not be used.
    """

    def __init__(self, address: str, port: int, *, alive: Check, ready: Check, metrics: Callable[[], bytes]) -> None:
        routes: dict[str, Callable[[], tuple[int, bytes]]] = {
            "/healthz": lambda: _answer(alive),
            "/readyz": lambda: _answer(ready),
            "/metrics": lambda: (HTTPStatus.OK, metrics()),
        }

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                route = routes.get(self.path.partition("?")[0])
                status, body = route() if route else (HTTPStatus.NOT_FOUND, b"not found\n")
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Probes every few seconds are not news."""

        try:
            self._server = ThreadingHTTPServer((address, port), Handler)
        except OSError as error:
            raise _unbound(address, port, error) from None
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True
        )

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Starts answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stops answering and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _unbound(address: str, port: int, error: OSError) -> AgentError:
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    if error.errno == errno.EADDRINUSE:
        advice = "set server.port (with --set, or GITOPS_AGENT_SERVER__PORT), 0 for any free port"
        return AgentError(f"another process listens on {where}: {advice}", reason="NoFreePort")
    return UsageError(f"cannot listen on {where} (server.address, server.port): {error.strerror or error}")


def _answer(check: Check) -> tuple[int, bytes]:
    good, text = check()
    return (HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE), f"{text}\n".encode()
