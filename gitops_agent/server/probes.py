"""`/healthz`, `/readyz` and `/metrics` on one port.

Problem: every pod may connect here, and a kubelet that gets no answer restarts the agent; a server with a thread for each
connection can be filled with connections that say nothing. Decision: one thread serves all connections without blocking. A
connection has a few seconds in all, and where there are too many, the oldest gives way: a probe sends its request at once and
is answered before. Three fixed answers without input need no framework.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from gitops_agent.observe.log import logger
from gitops_agent.server.listening import listen

Check = Callable[[], tuple[bool, str]]
_Route = Callable[[], tuple[HTTPStatus, bytes]]

_log = logger("http")
_SECONDS = 5.0
"""From the connection to the end of the answer."""
_CONNECTIONS = 128
_BACKLOG = 128
_REQUEST_BYTES = 8192
_CHUNK = 256 * 1024
_TICK_SECONDS = 0.25
_WORDS = 3


class _Connection:
    """One connection: first its request is read, then its answer written."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self.socket = connection
        self.deadline = time.monotonic() + _SECONDS
        self.request = bytearray()
        self.answer = memoryview(b"")

    def receive(self) -> bool:
        """Reads what has come; whether the request is complete."""
        chunk = self.socket.recv(_REQUEST_BYTES)
        if not chunk:
            raise ConnectionResetError
        self.request += chunk
        return b"\r\n\r\n" in self.request or b"\n\n" in self.request or len(self.request) > _REQUEST_BYTES

    def send(self) -> bool:
        """Writes what can be taken; whether everything was."""
        self.answer = self.answer[self.socket.send(self.answer[:_CHUNK]) :]
        return not self.answer


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
        self._routes: dict[str, _Route] = {
            "/healthz": lambda: _checked(alive),
            "/readyz": lambda: _checked(ready),
            "/metrics": lambda: (HTTPStatus.OK, metrics()),
        }
        self._server = listen(address, port, setting="server", backlog=_BACKLOG)
        self._port = int(self._server.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._open: dict[socket.socket, _Connection] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._port

    def start(self) -> None:
        """Starts answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stops answering and frees the port."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        self._selector.close()
        self._server.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            for key, _ in self._selector.select(_TICK_SECONDS):
                if key.fileobj is self._server:
                    self._accept()
                else:
                    self._advance(key.data)
            now = time.monotonic()
            for connection in [each for each in self._open.values() if each.deadline < now]:
                self._close(connection)
        for connection in tuple(self._open.values()):
            self._close(connection)

    def _accept(self) -> None:
        try:
            accepted, _ = self._server.accept()
        except OSError:
            return
        if len(self._open) >= _CONNECTIONS:
            self._close(next(iter(self._open.values())))
        connection = self._open[accepted] = _Connection(accepted)
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _advance(self, connection: _Connection) -> None:
        if connection.socket not in self._open:  # it gave way to one that was accepted just now
            return
        try:
            if connection.answer:
                done = connection.send()
            else:
                done = False
                if connection.receive():
                    connection.answer = memoryview(self._answer(bytes(connection.request)))
                    self._selector.modify(connection.socket, selectors.EVENT_WRITE, connection)
        except BlockingIOError:
            return
        except OSError:
            done = True
        if done:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        del self._open[connection.socket]
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _answer(self, request: bytes) -> bytes:
        status, body, allow = *self._respond(request), b""
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            allow = b"Allow: GET, HEAD\r\n"
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n"
        )
        return head.encode() + allow + b"\r\n" + (b"" if request.startswith(b"HEAD ") else body)

    def _respond(self, request: bytes) -> tuple[HTTPStatus, bytes]:
        if len(request) > _REQUEST_BYTES:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"too large\n"
        words = request.partition(b"\n")[0].decode("latin-1").split()
        if len(words) != _WORDS or not words[2].startswith("HTTP/1."):
            return HTTPStatus.BAD_REQUEST, b"bad request\n"
        if words[0] not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, b"method not allowed\n"
        route = self._routes.get(words[1].partition("?")[0])
        if route is None:
            return HTTPStatus.NOT_FOUND, b"not found\n"
        try:
            return route()
        except Exception as problem:  # noqa: BLE001 - one answer must not end the thread of all
            _log.error("unexpected error in an answer", path=words[1], error=problem, exc_info=True)
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"unexpected error\n"


def _checked(check: Check) -> tuple[HTTPStatus, bytes]:
    good, text = check()
    return (HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE), f"{text}\n".encode()
