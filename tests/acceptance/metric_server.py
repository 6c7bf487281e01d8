"""A provider of metrics on loopback with scripted answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gitops_agent.manifest.key import Object


class Asked:
    """One request, as it arrived."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body


class MetricServer:
    """A scripted metric provider.

    Attributes:
        value: what is answered as JSON under `errors`, unless there is an answer of the test's own.
        answer: makes the whole answer of a request.
        asked: every request so far.
    """

    def __init__(self) -> None:
        self.value: float | None = 0.0
        self.answer: Callable[[Asked], Any] = lambda _: {"errors": self.value}
        self.asked: list[Asked] = []
        meter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
                meter.asked.append(asked)
                body = json.dumps(meter.answer(asked)).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the server looks for this name

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def metric(self, **spec: Any) -> Object:
        """Errors below one percent."""
        provider = {"http": {"address": f"{self.url}/", "value": "/errors"}}
        return {"name": "errors", "provider": provider, "success": "result < 0.01", "interval": "1s", **spec}

    def stop(self) -> None:
        """Answers nothing more."""
        self._server.shutdown()
        self._server.server_close()
