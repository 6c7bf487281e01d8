"""A chart repository on loopback, with switches for every fault."""

from __future__ import annotations

import gzip
import hashlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gitops_agent.manifest.yaml import dump
from tests.source.chart.archives import packed


class ChartServer(ThreadingHTTPServer):
    """Serves an index and archives from memory.

    Attributes:
        archives: by path, such as `/podinfo-6.5.4.tgz`.
        entries: of the index, by chart.
        authorization: the header it demands, empty for none.
        answers: (status, headers, body) in place of what a path holds.
        stalls: paths whose answers end after their first byte.
        seen: (path, Authorization) of each request.
    """

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https" if context is not None else "http"
        self.archives: dict[str, bytes] = {}
        self.entries: dict[str, list[dict[str, Any]]] = {}
        self.authorization = ""
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.stalls: set[str] = set()
        self.seen: list[tuple[str, str]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """The address of the repository."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def publish(self, name: str, version: str, archive: bytes = b"", *, digest: str | None = None, **fields: Any) -> str:
        """Adds a version, or replaces it; returns the digest of its archive."""
        archive = archive or packed(chart=f"apiVersion: v2\nname: {name}\nversion: {version}\n".encode(), name=name)
        real = hashlib.sha256(archive).hexdigest()
        path = f"{name}-{version}.tgz"
        self.archives[f"/{path}"] = archive
        row = {
            "apiVersion": "v2",
            "name": name,
            "version": version,
            "urls": [path],
            "digest": real if digest is None else digest,
        }
        rows = [each for each in self.entries.get(name, []) if each["version"] != version]
        self.entries[name] = [{key: value for key, value in (row | fields).items() if value != ""}, *rows]
        return f"sha256:{real}"

    @property
    def index(self) -> bytes:
        """As `helm repo index` writes it."""
        return dump({"apiVersion": "v1", "entries": self.entries, "generated": "2026-11-29T18:00:00Z"}).encode()

    def asked(self, path: str) -> int:
        """How many requests for a path came."""
        return sum(1 for asked, _ in self.seen if asked == path)


class _Handler(BaseHTTPRequestHandler):
    server: ChartServer

    def do_GET(self) -> None:
        server = self.server
        server.seen.append((self.path, self.headers.get("Authorization", "")))
        if self.path in server.answers:
            return self._answer(*server.answers[self.path])
        if server.authorization and self.headers.get("Authorization") != server.authorization:
            return self._answer(401, {}, b"who are you?")
        if self.path == "/index.yaml":
            etag = f'"{hashlib.sha256(server.index).hexdigest()[:12]}"'
            if self.headers.get("If-None-Match") == etag:
                return self._answer(304, {"ETag": etag}, b"")
            headers = {"ETag": etag, "Content-Encoding": "gzip"}
            return self._answer(200, headers, gzip.compress(server.index))
        if self.path in server.archives:
            return self._answer(200, {}, server.archives[self.path])
        return self._answer(404, {}, b"not here")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(body))))
        self.end_headers()
        if self.path in self.server.stalls:
            self.wfile.write(body[:1])
            self.wfile.flush()
            self.server.closing.wait(60)
            return
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[ChartServer]:
    """A running server."""
    server = ChartServer(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
