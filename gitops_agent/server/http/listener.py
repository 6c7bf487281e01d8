"""uvicorn in a thread, with the deadline that it lacks.

Problem: uvicorn waits for ever for a request whose headers do not end, so silent connections fill the server. Decision: its h11
protocol gets a timer from the connection until its request is complete, and a bound for connections of one address. Streams are
ended before the server stops, because its shutdown waits for them.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from typing import Any, ClassVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gitops_agent.errors import AgentError, UsageError
from gitops_agent.observe.log import logger
from gitops_agent.server.http.app import Dashboard

_log = logger("dashboard")
_REQUEST_SECONDS = 10.0
_CONNECTIONS = 512
_OF_ONE_ADDRESS = 32
_HEADER_BYTES = 32 * 1024
_GRACE_SECONDS = 3
_BACKLOG = 128
_LOCAL = frozenset({"127.0.0.1", "::1"})


class _Timed(H11Protocol):
    """h11 with deadlines and a bound for one address."""

    _open: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: Any) -> None:  # what asyncio calls
        """Starts the clock."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if peer else ""
        self._open[self._peer] += 1
        self._timer: asyncio.TimerHandle | None = None
        if self._open[self._peer] > _OF_ONE_ADDRESS and self._peer not in _LOCAL:
            transport.abort()
            return
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._disarm()
        self._open[self._peer] -= 1
        if self._open[self._peer] <= 0:
            del self._open[self._peer]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A request that makes progress in its body gets more time."""
        cycle: Any = self.cycle
        reading_head = cycle is None or cycle.response_complete
        super().data_received(data)
        cycle = self.cycle
        complete = cycle is not None and not cycle.more_body
        if complete:
            self._disarm()
        elif not reading_head:
            self._arm()

    def on_response_complete(self) -> None:
        """The next request on the connection has its own clock."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._disarm()
            self._arm()

    def _arm(self) -> None:
        self._disarm()
        self._timer = self.loop.call_later(_REQUEST_SECONDS, self.transport.abort)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Listener:
    """Serves a dashboard until stopped.

    Args:
        dashboard: the application.
        address: to bind.
        port: to bind; 0 takes a free one.
        forwarded: addresses of proxies whose X-Forwarded headers count.

    Raises:
        AgentError: reason `NoFreePort`, when another process listens there.
        UsageError: the address may not be used.
    """

    def __init__(self, dashboard: Dashboard, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            self._socket = socket.create_server((address, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            where = f"{address}:{port}"
            raise (
                AgentError(f"another process listens on {where}: choose another port, 0 for any free one", reason="NoFreePort")
                if error.errno == 98  # noqa: PLR2004 - EADDRINUSE
                else UsageError(f"cannot listen on {where}: {error.strerror or error}")
            ) from None
        self._dashboard = dashboard
        config = uvicorn.Config(
            dashboard.asgi,
            interface="asgi3",
            http=_Timed,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(_REQUEST_SECONDS),
            timeout_graceful_shutdown=_GRACE_SECONDS,
            limit_concurrency=_CONNECTIONS,
            h11_max_incomplete_event_size=_HEADER_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http-ui", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()
        self._ready.wait(5)

    def stop(self) -> None:
        """Ends the streams, then the server."""
        self._dashboard.stop()
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(_GRACE_SECONDS + 2)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._dashboard.attach(asyncio.get_running_loop())
        self._ready.set()
        await self._server.serve(sockets=[self._socket])
