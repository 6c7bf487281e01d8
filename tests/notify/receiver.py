"""A real HTTP receiver on loopback with every behaviour.

It takes, refuses, hangs, drips, or talks without end.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson


class Told(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """What a script can do with a request."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang(self) -> None:
        """Nothing, until the client leaves or the receiver ends."""
        self.connection.settimeout(0.05)
        while not self.server.receiver.over.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.connection.recv(1):
                    return

    def drip(self, data: bytes, seconds: float = 0.05) -> None:
        """One byte after another, for ever."""
        while not self.server.receiver.over.wait(seconds):
            self.wfile.write(data)
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Silence."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = Told(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        with contextlib.suppress(OSError):
            self.server.receiver.take(request)(request, self)
        self.close_connection = True

    do_GET = do_PATCH = do_PUT = do_POST  # noqa: N815 - the names of the base class


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


Script = Callable[[Told, Handler], None]


def accept(_: Told, handler: Handler) -> None:
    """Takes everything."""
    handler.answer(204)


class Receiver:
    """Listens on a free port of loopback; a context manager.

    Args:
        scripts: what is done with the first, second… request; the last one stays.
        certificate: PEM of certificate and key; without it, plain HTTP.
    """

    def __init__(self, *scripts: Script, certificate: Path | None = None) -> None:
        self._scripts = list(scripts) or [accept]
        self.told: list[Told] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.receiver = self
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}/hook"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="receiver")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, request: Told) -> Script:
        """Notes a request and says what to do with it."""
        with self._lock:
            self.told.append(request)
            return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
