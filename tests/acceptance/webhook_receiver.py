"""A webhook receiver that can be down, hang, and come back."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebhookReceiver:
    """Receives on loopback until stopped.

    Attributes:
        messages: what was received and answered.
        begun: set once anything arrived at all.
        hang: while set, requests are never answered.
    """

    def __init__(self, port: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        self.begun = threading.Event()
        self.hang = False
        self._over = threading.Event()
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hooks.begun.set()
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                if hooks.hang:
                    hooks._over.wait()
                    return
                hooks.messages.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """A killed agent breaks its connections."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def of(self, event: str) -> list[dict[str, Any]]:
        """The messages of one sort."""
        return [message for message in self.messages if message["event"] == event]

    def stop(self) -> None:
        """Stops receiving."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
