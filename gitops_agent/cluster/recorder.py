"""Records Kubernetes Events about objects, for `kubectl describe`.

Problem: Events are a courtesy; they must never slow or fail the work they report, nor flood the API server when something
repeats. Decision: a bounded queue and one thread; repeats of the same Event become a series that is written at most every few
seconds; what does not fit or cannot be written is counted and dropped.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import socket
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import FIELD_MANAGER
from gitops_agent.observe.log import logger
from gitops_agent.observe.redaction import scrub

_QUEUE = 1000
_SERIES = 1024
_SERIES_SECONDS = 360.0
_NOTE_BYTES = 1024
_REASON_CHARACTERS = 128
_FLUSH_SECONDS = 2.0

_log = logger("cluster")

_Identity = tuple[str, str, str, str]


@dataclass(slots=True, kw_only=True)
class _Series:
    """An Event that was written, and how often it has happened since."""

    key: ObjectKey
    count: int
    last: str
    written: float
    pending: bool = False


def event_of(
    regarding: Object,
    type: Literal["Normal", "Warning"],  # noqa: A002
    reason: str,
    message: str,
    *,
    instance: str,
) -> Object:
    """The body of an Event that happens now; see `Recorder.record`."""
    metadata = regarding.get("metadata") or {}
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{str(metadata.get('name') or 'cluster')[:200]}.{secrets.token_hex(8)}",
            "namespace": metadata.get("namespace") or "default",
        },
        "eventTime": _now(),
        "reportingController": FIELD_MANAGER,
        "reportingInstance": instance[:_REASON_CHARACTERS],
        "action": reason[:_REASON_CHARACTERS] or "Record",
        "reason": reason[:_REASON_CHARACTERS] or "Record",
        "type": type,
        "note": scrub(message).encode()[:_NOTE_BYTES].decode(errors="ignore"),
        "regarding": {
            "apiVersion": regarding.get("apiVersion", ""),
            "kind": regarding.get("kind", ""),
            **{name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion") if metadata.get(name)},
        },
    }


class Recorder:
    """Writes Events in the background.

    Args:
        objects: the API server.
        instance: which process speaks; the host's name when empty.
        fold_seconds: repeats are written at most this often.
    """

    def __init__(self, objects: Objects, *, instance: str = "", fold_seconds: float = 10.0) -> None:
        self._objects = objects
        self._instance = (instance or socket.gethostname())[:_REASON_CHARACTERS]
        self._fold_seconds = fold_seconds
        self._queue: queue.Queue[tuple[_Identity, Object] | None] = queue.Queue(_QUEUE)
        self._series: OrderedDict[_Identity, _Series] = OrderedDict()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def start(self) -> None:
        """Starts the thread."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def record(self, regarding: Object, type: Literal["Normal", "Warning"], reason: str, message: str) -> None:  # noqa: A002
        """Queues an Event about an object; never blocks, never fails.

        Args:
            regarding: the object, or as much of it as identifies it.
            type: Normal or Warning.
            reason: a code from the table of reasons.
            message: the text, without secrets; cut at 1 KiB.
        """
        event = event_of(regarding, type, reason, message, instance=self._instance)
        identity = (str((regarding.get("metadata") or {}).get("uid") or ObjectKey.of(regarding)), type, reason, event["note"])
        try:
            self._queue.put_nowait((identity, event))
        except queue.Full:
            self.dropped += 1

    def close(self, seconds: float = _FLUSH_SECONDS) -> None:
        """Flushes the queue, for some seconds at most, and ends the thread."""
        self._closing.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._fold_seconds / 2)
            except queue.Empty:
                item = None
            if item is not None:
                self._take(*item)
            closing = self._closing.is_set() and self._queue.empty()
            self._flush(everything=closing)
            if closing:
                return

    def _take(self, identity: _Identity, event: Object) -> None:
        series = self._series.get(identity)
        if series is not None and time.monotonic() - series.written < _SERIES_SECONDS:
            series.count += 1
            series.last = str(event["eventTime"])
            series.pending = True
            return
        try:
            self._objects.create(event)
        except AgentError as error:
            self.dropped += 1
            _log.debug("event not recorded", error=error)
            return
        self._series[identity] = _Series(
            key=ObjectKey.of(event), count=1, last=str(event["eventTime"]), written=time.monotonic()
        )
        self._series.move_to_end(identity)
        while len(self._series) > _SERIES:
            self._series.popitem(last=False)

    def _flush(self, *, everything: bool) -> None:
        now = time.monotonic()
        for identity, written in list(self._series.items()):
            if not written.pending or (not everything and now - written.written < self._fold_seconds):
                continue
            written.pending = False
            written.written = now
            series = {"series": {"count": written.count, "lastObservedTime": written.last}}
            try:
                self._objects.merge_patch(written.key, series)
            except NotFound:
                # The server forgets Events after an hour: the next repeat is a new one.
                del self._series[identity]
            except AgentError as error:
                self.dropped += 1
                _log.debug("event not recorded", error=error)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
