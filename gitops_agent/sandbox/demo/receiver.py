"""A webhook receiver on loopback that checks signatures.

It stands for a chat bot or incident tool.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MOST_BYTES = 1_000_000


class Receiver:
    """Receives until stopped.

    Args:
        secret: the shared secret of the signatures.
        received: called with each genuine message, on the server's thread.
    """

    def __init__(self, secret: str, received: Callable[[dict[str, Any]], None]) -> None:
        self.messages: list[dict[str, Any]] = []
        self.forged = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _MOST_BYTES))
                stamp = self.headers.get("X-Gitops-Agent-Timestamp") or ""
                expected = "sha256=" + hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
                genuine = hmac.compare_digest(expected, self.headers.get("X-Gitops-Agent-Signature") or "")
                if genuine:
                    message = json.loads(body)
                    receiver.messages.append(message)
                    received(message)
                else:
                    receiver.forged += 1
                self.send_response(HTTPStatus.NO_CONTENT if genuine else HTTPStatus.UNAUTHORIZED)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Discarded: the demo reports the deliveries."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/gitops"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="receiver", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stops receiving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
