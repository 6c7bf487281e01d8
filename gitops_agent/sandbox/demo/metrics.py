"""A metrics server on loopback with a minimal Prometheus API.

There is no traffic in the demonstration that could be measured, so the share of failed answers is what the story decides for
each version. How it is asked, judged and acted upon is the real thing: PromQL over HTTP, one series back.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PLACEHOLDER = "http://prometheus.monitoring.svc:9090"
"""Where the policies of the example repository ask."""

_WORKLOAD = re.compile(r'deployment="([^"]+)"')


class Metrics:
    """Answers instant queries until stopped.

    Args:
        rate: the share of failed answers of a Deployment by its name, 0 to 1; None where nothing is known of it.
    """

    def __init__(self, rate: Callable[[str], float | None]) -> None:
        self.answered: list[tuple[str, float]] = []
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                match = _WORKLOAD.search((parse_qs(parts.query).get("query") or [""])[0])
                if parts.path != "/api/v1/query" or match is None:
                    self._answer(HTTPStatus.BAD_REQUEST, {"status": "error", "error": "only rates of a deployment are known"})
                    return
                value = rate(match[1])
                series = [] if value is None else [{"metric": {}, "value": [time.time(), f"{value:g}"]}]
                if value is not None:
                    metrics.answered.append((match[1], value))
                self._answer(HTTPStatus.OK, {"status": "success", "data": {"resultType": "vector", "result": series}})

            def _answer(self, status: HTTPStatus, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Discarded: the demo reports the queries."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="metrics", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
