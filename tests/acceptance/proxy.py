"""A proxy between agent and API server, with injected faults."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from gitops_agent.sandbox.controlplane import ControlPlane

_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "host"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of the agent.

    Attributes:
        number: counts from 1.
        method: GET, POST and so on.
        path: without the query.
        query: its first value by name.
    """

    number: int
    method: str
    path: str
    query: dict[str, str]

    @property
    def watch(self) -> bool:
        """Whether it is a stream."""
        return self.query.get("watch") in ("1", "true")

    @property
    def listing(self) -> bool:
        """Whether it is a page of a list."""
        return self.method == "GET" and "limit" in self.query and not self.watch

    @property
    def write(self) -> bool:
        """Whether it changes something of an application's objects."""
        ours = "gitops-agent.dev" in self.path or "/leases" in self.path or "/events" in self.path
        return self.method != "GET" and not ours and "dryRun" not in self.query


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to a request.

    Attributes:
        status: answer with this instead of passing it on.
        reason: of the Status object then.
        headers: of that answer.
        seconds: wait so long first.
        hang: never answer.
        tear: pass it on and break the connection in the middle of the answer.
        before: called before it is passed on.
        after: called after it was passed on, before it is answered.
    """

    status: int = 0
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    hang: bool = False
    tear: bool = False
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None


Rule = Callable[[Call], Fault | None]
_FINE = Fault()


class Proxy:
    """A proxy of the API server with faults.

    Attributes:
        rule: asked for every request; None passes everything on.
        page: objects in a page of a list, whatever the agent asks for; 0 leaves it alone.
        calls: what was asked so far.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.rule: Rule | None = None
        self.page = 0
        self.calls: list[Call] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._streams: set[http.client.HTTPSConnection] = set()
        parts = urlsplit(plane.host)
        host, port = parts.hostname or "127.0.0.1", parts.port or 443
        context = ssl.create_default_context(cadata=plane.authority.decode())
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            upstream: http.client.HTTPSConnection | None = None

            def _serve(self) -> None:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._pass_on()

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                call = proxy._note(self.command, self.path)
                rule = proxy.rule
                fault = (rule(call) if rule else None) or _FINE
                if fault.seconds:
                    proxy._over.wait(fault.seconds)
                if fault.hang:
                    self._hang()
                    return
                if fault.before is not None:
                    fault.before()
                if fault.status:
                    self._refuse(fault)
                    return
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                target = re.sub(r"\blimit=\d+", f"limit={proxy.page}", self.path) if proxy.page else self.path
                if self.upstream is None:
                    self.upstream = http.client.HTTPSConnection(host, port, context=context, timeout=600)
                try:
                    self.upstream.request(self.command, target, body=body or None, headers=headers)
                    answer = self.upstream.getresponse()
                except (OSError, http.client.HTTPException):
                    self.upstream.close()
                    self.upstream = None
                    self.close_connection = True
                    return
                if call.watch and answer.status == 200:
                    self._stream(answer)
                else:
                    self._answer(answer, fault)

            def _answer(self, answer: http.client.HTTPResponse, fault: Fault) -> None:
                content = answer.read()
                if fault.after is not None:
                    fault.after()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                if fault.tear:
                    self.wfile.write(content[: len(content) // 2])
                    self._cut()
                    return
                self.wfile.write(content)

            def _stream(self, answer: http.client.HTTPResponse) -> None:
                upstream = self.upstream
                assert upstream is not None
                with proxy._lock:
                    proxy._streams.add(upstream)
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                self.wfile.flush()
                try:
                    while piece := answer.read1(65536):
                        self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")
                finally:
                    with proxy._lock:
                        proxy._streams.discard(upstream)
                    upstream.close()
                    self.upstream = None
                    self.close_connection = True

            def _refuse(self, fault: Fault) -> None:
                status = {
                    "kind": "Status",
                    "status": "Failure",
                    "reason": fault.reason,
                    "code": fault.status,
                    "message": "injected",
                }
                text = json.dumps(status).encode()
                self.send_response(fault.status)
                for name, value in fault.headers.items():
                    self.send_header(name, value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _hang(self) -> None:
                self.connection.settimeout(0.1)
                while not proxy._over.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not self.connection.recv(1):
                            break
                self.close_connection = True

            def _cut(self) -> None:
                self.close_connection = True
                self.wfile.flush()
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

            def finish(self) -> None:
                with contextlib.suppress(OSError):
                    super().finish()
                if self.upstream is not None:
                    self.upstream.close()

            def log_message(self, *_: object) -> None:
                """Silence."""

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names of the base class

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                """A killed agent breaks its connections."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="proxy", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self.end_watches()
        self._thread.join(5)

    def end_watches(self) -> int:
        """Breaks every stream that is open: how many."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            with contextlib.suppress(OSError, AttributeError):
                stream.sock.shutdown(socket.SHUT_RDWR)
        return len(streams)

    def count(self, which: Callable[[Call], bool] = lambda _: True) -> int:
        """How many calls there were of a sort."""
        with self._lock:
            return sum(1 for call in self.calls if which(call))

    def _note(self, method: str, target: str) -> Call:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with self._lock:
            call = Call(number=len(self.calls) + 1, method=method, path=parts.path, query=query)
            self.calls.append(call)
            return call
