"""Sends spans to a collector, on a thread of its own.

Problem: a collector that hangs must cost nothing but spans.
Decision: who ends a span puts it into a bounded queue and never waits; a full queue drops the newest. One thread sends batches
by the HTTP door, with its rules for addresses and its deadline, and tries a batch again that the collector refuses for now. A
thread that has nothing to send sleeps without a clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_agent.backoff import Backoff
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import DeliveryError, Request
from gitops_agent.observe.log import logger
from gitops_agent.telemetry.export_settings import ExportSettings

if TYPE_CHECKING:
    from gitops_agent.telemetry.spans import EndedSpan

_log = logger("telemetry")
_QUEUE = 2048
_BATCH = 512
_GATHER_SECONDS = 2.0
"""How long a batch waits for more spans."""
_END_SECONDS = 3.0
_ATTEMPTS = 3
_RETRIED = (429, 502, 503, 504)


class SpanExporter:
    """Sends the spans that it is given.

    Args:
        settings: where to.
        encode: a batch as a request of OTLP.
    """

    def __init__(self, settings: ExportSettings, encode: Callable[[list[EndedSpan]], bytes]) -> None:
        self._settings, self._encode = settings, encode
        self._client = HttpClient(timeout_seconds=settings.seconds)
        self._backoff = Backoff(first_seconds=1.0, longest_seconds=30.0)
        self._queue: deque[EndedSpan] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._failing = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        """Starts sending."""
        self._thread.start()

    def put(self, span: EndedSpan) -> None:
        """Takes a span that has ended; never waits for the collector."""
        with self._changed:
            if len(self._queue) >= _QUEUE or self._stopping.is_set():
                self.dropped += 1
                return
            self._queue.append(span)
            self._changed.notify()

    def stop(self) -> None:
        """Sends what is queued, within a few seconds."""
        with self._changed:
            self._stopping.set()
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(_END_SECONDS)
            self._client.abort()

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            self._send(batch)

    def _take(self) -> list[EndedSpan] | None:
        """The next batch; None at the end."""
        with self._changed:
            while not self._queue and not self._stopping.is_set():
                self._changed.wait()
        # The spans of one revision end together.
        self._stopping.wait(_GATHER_SECONDS)
        with self._changed:
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        return batch or None

    def _send(self, batch: list[EndedSpan]) -> None:
        """Sends a batch, or drops it."""
        problem = ""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                problem, again = self._attempt(batch)
            except DeliveryError as error:
                problem, again = str(error), error.transient
            except (AgentError, OSError, ValueError) as error:
                problem, again = str(error), False
            if not problem:
                self._failing = False
                return
            if not again or attempt == _ATTEMPTS or self._stopping.wait(self._backoff.pause(attempt)):
                break
        self.dropped += len(batch)
        if not self._failing:
            _log.warning("traces cannot be sent; check OTEL_EXPORTER_OTLP_ENDPOINT", error=problem, spans=len(batch))
        self._failing = True

    def _attempt(self, batch: list[EndedSpan]) -> tuple[str, bool]:
        """What is wrong, and whether to try again; nothing for a success."""
        settings = self._settings
        authority = Path(settings.certificate).read_bytes() if settings.certificate else b""
        headers = {"Content-Type": "application/x-protobuf", **settings.headers}
        request = Request(method="POST", url=settings.url, headers=headers, body=self._encode(batch))
        status = self._client.send(request, authority=authority).status
        success = 200 <= status < 300  # noqa: PLR2004 - every status of success
        return ("" if success else f"the collector answers {status}"), status in _RETRIED
