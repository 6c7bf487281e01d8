"""A publisher on loopback that can misbehave."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gitops_agent.toolchain.catalog import Checksums, Release, Tool


@dataclass
class Publisher:
    """Serves files by path.

    Attributes:
        files: what to serve.
        torn: paths whose transfer ends half-way, as often as the number says.
        asked: the paths asked for so far.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    torn: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def tool(self, content: bytes, *, member: str = "", sha256: str | None = None, version: str = "1.2.3") -> Tool:
        """Publishes a program and returns its lock entry.

        `sha256` is what is promised.
        """
        body = _archive(member, content) if member else content
        self.files["/thing"] = body
        self.files["/thing.sha256"] = (sha256 or hashlib.sha256(body).hexdigest()).encode()
        release = Release(url=f"{self.url}/thing", checksums=f"{self.url}/thing.sha256", spelling=Checksums.BARE, member=member)
        return Tool(name="thing", version=version, package="gitops-agent.dev/nowhere", release=release)


def _archive(member: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


@contextmanager
def publishing() -> Iterator[Publisher]:
    """A publisher for the time of a context."""
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked.append(self.path)
            body = publisher.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if publisher.torn.get(self.path, 0) > 0:
                publisher.torn[self.path] -= 1
                body = body[: len(body) // 2]
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        publisher.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield publisher
        finally:
            server.shutdown()
            thread.join()
