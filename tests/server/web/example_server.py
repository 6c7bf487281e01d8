"""Serves the page with example answers, or those of a test.

Problem: a page has to be seen with ten thousand rows, with refusals and with hostile text, which no cluster gives at will.
Decision: a small server with the headers that the real one sends. Times in the answers are moved to now, so that relative times
are those of a live system.
"""

from __future__ import annotations

import json
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gitops_agent.server.web.assets import page

ANSWERS = Path(__file__).parents[1] / "answers"
RECORDED = datetime(2026, 11, 29, 11, 11, 22, tzinfo=UTC)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_APPLICATION = "/api/v1/applications/gitops-system/checkout"
_HELD = "/api/v1/applications/gitops-system/crds"
_FILES = {
    "/api/v1/me": "me",
    "/api/v1/applications": "applications",
    _APPLICATION: "application",
    **{f"{_APPLICATION}/{part}": part for part in ("tree", "plan", "diff", "drift", "timeline", "events", "spec")},
    "/api/v1/drift": "allDrift",
    "/api/v1/rollouts": "rollouts",
    "/api/v1/rollouts/shop/web": "rollout",
    "/api/v1/held": "held",
    "/api/v1/agent": "agent",
    "/api/v1/shared/link": "shared",
    "/api/v1/shared/link/applications": "applications",
    "/api/v1/shared/link/applications/gitops-system/checkout": "application",
    "/api/v1/shared/link/applications/gitops-system/checkout/timeline": "timeline",
    "/api/v1/shared/link/rollouts/shop/web": "rollout",
}

Answer = tuple[int, Any]


def example(name: str) -> Any:
    """An example answer, as if it were given now."""
    moved = datetime.now(UTC) - RECORDED

    def now(match: re.Match[str]) -> str:
        at = datetime.fromisoformat(match.group()) + moved
        return f"{at:%Y-%m-%dT%H:%M:%SZ}"

    return json.loads(_TIME.sub(now, (ANSWERS / f"{name}.json").read_text()))


def ago(**parts: float) -> str:
    """A time before now."""
    return f"{datetime.now(UTC) - timedelta(**parts):%Y-%m-%dT%H:%M:%SZ}"


class Examples:
    """What the server answers, and what it was asked.

    Attributes:
        answers: by path, instead of the example.
        requests: method and path of all requests of the API.
        posted: path and body of each action.
        streams: open streams.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str]] = []
        self.posted: list[tuple[str, Any]] = []
        self.streams: list[queue.Queue[tuple[str, str, Any] | None]] = []
        self.logs: list[queue.Queue[tuple[str, str, Any] | None]] = []
        self.log_requests: list[str] = []
        self.log_lines: list[dict[str, str]] = json.loads((ANSWERS / "logs.json").read_text())["lines"]
        self.topics: list[str] = []
        self.resumed: list[str] = []
        self.accepts_streams = True
        self.epoch = "9f31c2d0"
        self.seq = 1042
        self.lock = threading.Lock()

    def answer(self, path: str, body: Any, status: int = 200) -> None:
        """Answers a path below `/api/v1` from now on."""
        self.answers[f"/api/v1{path}"] = (status, body)

    def send(self, event: str, data: Any) -> None:
        """Sends an event to every open stream."""
        with self.lock:
            self.seq += 1
            for stream in self.streams:
                stream.put((f"{self.epoch}-{self.seq}", event, data))

    def write_log(self, *lines: str, pod: str = "api-7d9-x2k", first: int = 0, dropped: int = 0) -> None:
        """Sends lines to every followed log, a minute apart."""
        written = [
            {"at": f"2026-11-29T11:{first + i:02}:20.104Z", "pod": pod, "container": "api", "text": text}
            for i, text in enumerate(lines)
        ]
        with self.lock:
            self.log_lines += written
            for log in self.logs:
                log.put(("", "lines", {"lines": written, "dropped": dropped}))

    def end_logs(self) -> None:
        """Ends every followed log, as a restart of its containers does."""
        with self.lock:
            for log in self.logs:
                log.put(("", "bye", {"retryMs": 10, "why": "ended"}))
                log.put(None)

    def hang_up(self) -> None:
        """Ends every stream, as a restart does."""
        with self.lock:
            for stream in (*self.streams, *self.logs):
                stream.put(None)

    def get(self, path: str) -> Answer:
        """The answer of a path."""
        if path in self.answers:
            return self.answers[path]
        if path.startswith(f"{_APPLICATION}/logs/"):
            return 200, example("logs")
        if path.startswith(f"{_APPLICATION}/objects/"):
            return 200, example("object")
        if path == f"{_HELD}/plan":
            return 200, example("plan-held")
        if path == _HELD:
            body = example("application")
            actions = [{"verb": "approve", "allowed": True, "why": "", "rule": "", "command": ""}]
            return 200, body | {"name": "crds", "held": example("plan-held")["hash"], "actions": actions}
        if path.startswith(f"{_HELD}/"):
            path = path.replace("/crds/", "/checkout/")
        if path in _FILES:
            return 200, example(_FILES[path])
        return 404, example("problem-hidden")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    examples: Examples

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the library
        """Says nothing."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        shipped = page()
        if path == "/api/v1/stream":
            self._stream()
        elif "follow=true" in self.path and self.path.partition("?")[0] not in self.examples.answers:
            self._follow()
        elif path.startswith("/api/"):
            self.examples.requests.append(("GET", self.path))
            self._json(*self.examples.get(path))
        elif path in shipped.assets or not path.startswith("/assets/"):
            asset = shipped.assets.get(path, shipped.document)
            self._send(
                200,
                asset.compressed,
                {
                    "Content-Type": asset.content_type,
                    "Content-Encoding": "gzip",
                    "Cache-Control": asset.cache_control,
                },
            )
        else:
            self._send(404, b"", {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.examples.posted.append((self.path, body))
        status, answer = self.examples.answers.get(self.path, (202, example("accepted")))
        self._json(status, answer)

    def do_DELETE(self) -> None:
        self.do_POST()

    def _json(self, status: int, body: Any) -> None:
        kind = "application/json" if status < 400 else "application/problem+json"
        self._send(status, json.dumps(body).encode(), {"Content-Type": kind, "Cache-Control": "no-store"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (HEADERS | headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _follow(self) -> None:
        examples = self.examples
        events: queue.Queue[tuple[str, str, Any] | None] = queue.Queue()
        since = parse_qs(urlsplit(self.path).query).get("since", [""])[0]
        with examples.lock:
            lines = [line for line in examples.log_lines if line["at"] >= since]
            events.put(("", "lines", {"lines": lines, "dropped": 0}))
            examples.logs.append(events)
            examples.log_requests.append(self.path)
        self._send_events(events, examples.logs)

    def _stream(self) -> None:
        examples = self.examples
        if not examples.accepts_streams:
            self._json(503, {"title": "No leader", "status": 503, "detail": "no agent leads", "reason": "NotLeading"})
            return
        events: queue.Queue[tuple[str, str, Any] | None] = queue.Queue()
        hello = example("event-hello") | {"epoch": examples.epoch, "seq": examples.seq, "time": ago()}
        events.put((f"{examples.epoch}-{examples.seq}", "hello", hello))
        with examples.lock:
            examples.streams.append(events)
            examples.topics.append(parse_qs(urlsplit(self.path).query)["topics"][0])
            examples.resumed.append(self.headers.get("Last-Event-ID", ""))
        self._send_events(events, examples.streams)

    def _send_events(
        self, events: queue.Queue[tuple[str, str, Any] | None], streams: list[queue.Queue[tuple[str, str, Any] | None]]
    ) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                try:
                    item = events.get(timeout=0.5)
                except queue.Empty:
                    self.wfile.write(b": \n\n")
                    continue
                if item is None:
                    return
                self._event(*item)
        except OSError:
            return
        finally:
            with self.examples.lock:
                streams.remove(events)

    def _event(self, identity: str, event: str, data: Any) -> None:
        self.wfile.write(f"id: {identity}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode())


@contextmanager
def serving() -> Iterator[tuple[str, Examples]]:
    """A running server: its address, and what it answers."""
    examples = Examples()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"examples": examples}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", examples
    finally:
        examples.hang_up()
        server.shutdown()
        server.server_close()
