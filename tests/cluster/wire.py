"""A scripted HTTP server for faults on the wire.

It tears, hangs, drips and forgets, as no healthy API server does.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from gitops_agent.cluster.transport import Transport


class Asked(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Line(BaseHTTPRequestHandler):
    """What a script can do with a request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def json(self, value: Any, status: int = 200, **headers: str) -> None:
        """A whole JSON answer."""
        self.text(json.dumps(value), status, **{"content_type": "application/json", **headers})

    def text(self, text: str, status: int = 200, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def refuse(self, status: int, reason: str, message: str = "no", details: Any = None, **headers: str) -> None:
        """A Status object."""
        body = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "details": details or {}}
        self.json(body | {"code": status}, status, **headers)

    def begin(self) -> None:
        """The head of a stream."""
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data: bytes | dict[str, Any]) -> None:
        """A piece of a stream; an event when it is a dict."""
        piece = json.dumps(data).encode() + b"\n" if isinstance(data, dict) else data
        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.flush()

    def end(self) -> None:
        """The proper end of a stream."""
        self.wfile.write(b"0\r\n\r\n")

    def hang(self) -> None:
        """Nothing more until the server ends or the client leaves."""
        self.connection.settimeout(0.05)
        while not self.server.wire.over.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.connection.recv(1):
                    return

    def cut(self) -> None:
        """The connection breaks."""
        self.close_connection = True
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Silence."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        asked = Asked(
            self.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query).items()},
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.server.wire.take(asked)(asked, self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names of the base class


class Server(ThreadingHTTPServer):
    daemon_threads = True
    wire: Wire


Script = Callable[[Asked, Line], None]


class Wire:
    """A server on loopback that answers by script: `Wire(lambda _, line: line.json({}))`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Line)
        self._server.wire = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="wire")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Nothing listens meanwhile; open connections stay."""
        address = self._server.server_address
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()
        yield
        self._server = Server((str(address[0]), int(address[1])), Line)
        self._server.wire = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="wire")
        self._thread.start()

    def take(self, asked: Asked) -> Script:
        """Notes a request."""
        with self._lock:
            self.asked.append(asked)
        return self.script

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def transport(self, folder: Path, *, pool: int = 8) -> Transport:
        """A transport to it."""
        return Transport.from_kubeconfig(kubeconfig(folder, self.url), pool=pool)


def kubeconfig(folder: Path, server: str, **user: Any) -> Path:
    """A kubeconfig file; `user` are the fields of its user."""
    path = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user or {"token": "first"}}],
    }
    path.write_text(json.dumps(config))
    return path
