"""Logs as server-sent events, for as long as a page shows them.

Problem: a container may write faster than a page can show, and a page may sleep, while the API server streams on. Decision:
what a viewer has not got yet is a buffer with a bound, of which the oldest lines go and are counted; streams are few, end with
the page, with the session and after half an hour, and the page asks again from the last line it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter

from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError, Unauthorized
from gitops_agent.operations.log_follower import Container, Entry, LogFollower
from gitops_agent.server.answers.logs import LogTarget, log_line
from gitops_agent.server.http.event_stream import HEARTBEAT_SECONDS, STREAM_HEADERS, Receive, Send, left, sent
from gitops_agent.server.http.problems import RequestProblem
from gitops_agent.server.plain_text import plain
from gitops_agent.server.viewer import Viewer
from gitops_agent.server.views.base import View
from gitops_agent.server.views.log_events import LogLinesEvent, LogProblemEvent
from gitops_agent.server.views.stream import ByeEvent, EventName, SignedOutEvent

_STREAMS = 64
_OF_ONE_VIEWER = 4
_FLUSH_SECONDS = 0.2
_AGE_SECONDS = 1800.0
_REVIEW_SECONDS = 60.0
_BUFFER_BYTES = 512 * 1024
_ENTRY_BYTES = 64
_RETRY_MS = 2_000


class LineBuffer:
    """Entries that a viewer has not got yet; thread-safe.

    Args:
        running: containers that may still write.
    """

    def __init__(self, running: int) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._running, self._bytes, self._dropped = running, 0, 0

    def add(self, entry: Entry) -> bool:
        """Takes an entry; whether it is the first since all were taken."""
        with self._lock:
            if entry[1] is None:
                self._running -= 1
                return self._running <= 0
            self._entries.append(entry)
            self._bytes += _size(entry)
            if self._bytes > _BUFFER_BYTES:
                self._drop()
            return len(self._entries) == 1

    def taken(self) -> tuple[list[Entry], int, bool]:
        """Everything, how many lines are missing before it, and whether nothing follows."""
        with self._lock:
            entries, self._entries = self._entries, []
            dropped, self._dropped, self._bytes = self._dropped, 0, 0
            return entries, dropped, self._running <= 0

    def _drop(self) -> None:
        """Halves the buffer: one cut for many lines, not one for each."""
        kept: list[Entry] = []
        size = 0
        for entry in reversed(self._entries):
            if isinstance(entry[1], bytes) and size + _size(entry) > _BUFFER_BYTES // 2:
                self._dropped += 1
                continue
            size += _size(entry)
            kept.append(entry)
        self._entries, self._bytes = kept[::-1], size


class LogStreams:
    """The open logs; lives in the thread of the server."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._wakes: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False

    def stop(self) -> None:
        """Ends every stream, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop ended between the two
                self._loop.call_soon_threadsafe(self._stop)

    def check(self, viewer: Viewer) -> None:
        """Refuses a stream that would be too many.

        Raises:
            RequestProblem: with the reason.
        """
        if self._open.total() >= _STREAMS:
            raise RequestProblem(503, f"{_STREAMS} logs are followed: try again later", reason="Throttled", retry_after=30)
        if self._open[viewer.digest] >= _OF_ONE_VIEWER:
            raise RequestProblem(
                429, f"{_OF_ONE_VIEWER} logs of this session are followed: close one", reason="Throttled", retry_after=10
            )

    async def serve(self, viewer: Viewer, transport: Transport, target: LogTarget, receive: Receive, send: Send) -> None:
        """Sends lines until the page leaves, the logs end, or the stream is too old."""
        self._loop = loop = asyncio.get_running_loop()
        wake, buffer = asyncio.Event(), LineBuffer(running=len(target.containers))

        def put(entry: Entry) -> None:
            if buffer.add(entry):
                with contextlib.suppress(RuntimeError):  # the loop ended
                    loop.call_soon_threadsafe(wake.set)

        follower = LogFollower(transport, target.query, put)
        self._open[viewer.digest] += 1
        self._wakes.add(wake)
        follower.start(target.containers)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            leaving = asyncio.create_task(left(receive))
            sending = asyncio.create_task(self._send_all(viewer, buffer, wake, send))
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in (leaving, sending):
                task.cancel()
            await asyncio.gather(leaving, sending, return_exceptions=True)
        finally:
            self._wakes.discard(wake)
            self._open[viewer.digest] -= 1
            self._open += Counter()  # keeps no names of those who left
            await asyncio.to_thread(follower.stop)
        with contextlib.suppress(OSError, RuntimeError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, viewer: Viewer, buffer: LineBuffer, wake: asyncio.Event, send: Send) -> None:
        born = reviewed = time.monotonic()
        await sent(send, b": \n\n")
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), HEARTBEAT_SECONDS)
            await asyncio.sleep(_FLUSH_SECONDS)
            wake.clear()
            entries, dropped, ended = buffer.taken()
            await sent(send, b"".join(_events(entries, dropped)) or b": \n\n")
            now = time.monotonic()
            if ended:
                await sent(send, _event(EventName.BYE, ByeEvent(retry_ms=_RETRY_MS, why="ended")))
                return
            if self._stopped or now - born > _AGE_SECONDS:
                why = "shutdown" if self._stopped else "age"
                await sent(send, _event(EventName.BYE, ByeEvent(retry_ms=_RETRY_MS, why=why)))
                return
            if now - reviewed > _REVIEW_SECONDS:
                reviewed = now
                try:
                    await asyncio.to_thread(viewer.review)
                except Unauthorized as error:
                    await sent(send, _event(EventName.SIGNED_OUT, SignedOutEvent(why=str(error))))
                    return
                except AgentError:
                    continue

    def _stop(self) -> None:
        self._stopped = True
        for wake in self._wakes:
            wake.set()


def _events(entries: list[Entry], dropped: int) -> list[bytes]:
    lines = tuple(log_line(container, line) for container, line in entries if isinstance(line, bytes))
    problems = [(container, line) for container, line in entries if isinstance(line, AgentError)]
    encoded = [_event(EventName.LINES, LogLinesEvent(lines=lines, dropped=dropped))] if lines else []
    return encoded + [_event(EventName.PROBLEM, _problem(container, error)) for container, error in problems]


def _problem(container: Container, error: AgentError) -> LogProblemEvent:
    return LogProblemEvent(pod=container.pod, container=container.name, why=plain(str(error)))


def _event(name: EventName, view: View) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.value.encode(), view.model_dump_json(by_alias=True).encode())


def _size(entry: Entry) -> int:
    return (len(entry[1]) if isinstance(entry[1], bytes) else 0) + _ENTRY_BYTES
