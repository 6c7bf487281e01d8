"""Runs an ASGI application on a thread of its own.

Problem: uvicorn has no deadline for a request: a connection that sends nothing, or half a request, stays open for as long as
the client likes. Decision: a request that is not complete ten seconds after its connection opened, or after its first byte,
ends the connection; the number of connections and the size of the headers are bounded, and a stop ends open streams after three
seconds.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

import h11
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from gitops_agent.server.tls import TlsFiles, server_context

if TYPE_CHECKING:
    from starlette.types import ASGIApp

REQUEST_SECONDS = 10.0
"""From the connection, or the first byte of another request on it, to the end of the request."""
_CONNECTIONS = 512
_HEADER_BYTES = 32 * 1024
_IDLE_SECONDS = 5
_END_SECONDS = 3


class _Protocol(H11Protocol):
    """A connection that has to complete its requests in time."""

    seconds = REQUEST_SECONDS
    tls: TlsFiles | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.tls is not None and not self.tls.admits(transport.get_extra_info("peercert")):
            transport.abort()
        self._arm()

    def data_received(self, data: bytes) -> None:
        self._arm()
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        self._deadline = None
        self.transport.abort()


class HttpServer:
    """Serves an application until stopped.

    Args:
        app: what answers.
        listener: a bound socket.
        name: of the thread.
        request_seconds: how long a request may take to arrive.
        tls: of its connections; None for none.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        *,
        name: str,
        request_seconds: float = REQUEST_SECONDS,
        tls: TlsFiles | None = None,
    ) -> None:
        self._listener = listener
        self.port = int(listener.getsockname()[1])
        protocol = type("Protocol", (_Protocol,), {"seconds": request_seconds, "tls": tls})
        options: dict[str, Any] = {
            "http": protocol,
            "ws": "none",
            "loop": "asyncio",
            "lifespan": "off",
            "log_config": None,
            "access_log": False,
            "server_header": False,
            "proxy_headers": False,
            "limit_concurrency": _CONNECTIONS,
            "h11_max_incomplete_event_size": _HEADER_BYTES,
            "timeout_keep_alive": _IDLE_SECONDS,
            "timeout_graceful_shutdown": _END_SECONDS,
        }
        if tls is not None:
            context = server_context(tls)
            options["ssl_context_factory"] = lambda *_: context
        self._server = Server(Config(app, **options))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stops answering, and frees the port."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(2 * _END_SECONDS)
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
