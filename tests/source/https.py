"""A Git server over https, with switches for every fault.

`git http-backend` behind Python's own server.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gitops_agent.source.sources import Repository
from tests.source.certificates import Certificates


class GitServer(ThreadingHTTPServer):
    """Serves every repository below a directory on a free port of loopback.

    Attributes:
        basic: (user, password) it wants, or None.
        bearer: the token it wants, or empty.
        status: answers everything with this status.
        headers: of those answers.
        redirect: answers with a redirect to this address plus the request's path.
        hang: `all` or `pack`: what it never answers.
        cut: sends only so many bytes of a pack, then closes the connection.
        seen: (path, Authorization) of each request.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, root: Path, certificates: Certificates, *, client_certificate: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.basic: tuple[str, str] | None = None
        self.bearer = ""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.redirect = ""
        self.hang = ""
        self.cut = 0
        self.seen: list[tuple[str, str]] = []
        self.reached = threading.Event()
        self.closing = threading.Event()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        if client_certificate:
            self.context.load_verify_locations(certificates.path("ca.crt"))
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.maximum_version = ssl.TLSVersion.TLSv1_2  # refuses within the handshake, not after it
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="git-server")
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def repository(self, name: str = "config.git", host: str = "localhost", secret: str = "") -> Repository:
        return Repository(url=f"https://{host}:{self.port}/{name}", secret=secret)

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def finish_request(self, request: object, client_address: object) -> None:
        """Shakes hands in the connection's own thread, to block no others."""
        assert isinstance(request, socket.socket)
        with self.context.wrap_socket(request, server_side=True) as secured:
            _Handler(secured, client_address, self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are a part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = self.headers.get("Authorization") or ""
        server.seen.append((self.path, given))
        pack = self.command == "POST" and b"command=fetch" in body
        if server.hang == "all" or (server.hang == "pack" and pack):
            server.reached.set()
            server.closing.wait()
            self.close_connection = True
        elif server.status:
            self._say(server.status, **server.headers)
        elif server.redirect:
            self._say(302, Location=server.redirect + self.path)
        elif server.bearer and given != f"Bearer {server.bearer}":
            self._say(401, **{"WWW-Authenticate": "Bearer"})
        elif server.basic and given != "Basic " + base64.b64encode(":".join(server.basic).encode()).decode():
            self._say(401, **{"WWW-Authenticate": 'Basic realm="git"'})
        else:
            self._serve(body, cut=server.cut if pack else 0)

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _serve(self, body: bytes, *, cut: int) -> None:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "HOME": "/nonexistent",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environment, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")]
        status = next((int(value.split()[0]) for name, _, value in fields if name == "Status"), 200)
        self.send_response(status)
        for name, _, value in fields:
            if name not in {"Status", "Content-Length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if cut:
            self.wfile.write(content[:cut])
            self.wfile.flush()
            self.close_connection = True
            return
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Tests print nothing."""
