"""Changes as server-sent events.

Problem: 200 pages show 10,000 Applications, some pages are asleep. Decision: what a viewer has not got yet is a set of
keys, never a queue: flushed at most four times a second, it holds the present state of each. One that cannot take its bytes for
half a minute is cut off and comes back by itself; one that missed too much loads everything again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.errors import AgentError, Unauthorized
from gitops_agent.manifest.key import AppKey
from gitops_agent.server.answers.call import now
from gitops_agent.server.http.problems import RequestProblem
from gitops_agent.server.rows import Rows
from gitops_agent.server.viewer import Viewer
from gitops_agent.server.views.base import ApplicationName, View
from gitops_agent.server.views.stream import (
    AgentEvent,
    AppEvent,
    ByeEvent,
    EventName,
    GoneEvent,
    Hello,
    ResetEvent,
    SignedOutEvent,
)

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

HEARTBEAT_SECONDS = 15.0
_FLUSH_SECONDS = 0.25
_SEND_SECONDS = 30.0
_AGE_SECONDS = 3600.0
_REVIEW_SECONDS = 60.0
_IDLE_SECONDS = 60.0
_AGENT_SECONDS = 10.0
_DIRTY = 2_000
_STREAMS = 200
_OF_ONE_VIEWER = 8
_RETRY_MS = 1_500
_STOPPING = EventName.BYE, ByeEvent(retry_ms=_RETRY_MS, why="shutdown")
STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a viewer subscribes to, and the last event it received.

    Attributes:
        topics: comma-separated.
        mark: `<epoch>-<seq>`; empty for a new page.
    """

    topics: str
    mark: str = ""


@dataclass(eq=False, kw_only=True)
class _Stream:
    """One open page.

    Attributes:
        viewer: whose.
        rows: whether it wants rows.
        apps: Applications it wants details of.
        agent: whether it wants news of the agent page.
        dirty: what it has not got yet.
        details: changed Applications among `apps`.
        gone: Applications that went.
        wake: set when there is something to send.
        end: the last event, once the stream has to end.
        reset: why it has to load everything again.
    """

    viewer: Viewer
    rows: bool
    apps: frozenset[AppKey]
    agent: bool
    dirty: dict[AppKey, None] = field(default_factory=dict)
    details: dict[AppKey, None] = field(default_factory=dict)
    gone: dict[AppKey, None] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    end: tuple[EventName, View] | None = None
    reset: str = ""

    def sees(self, key: AppKey) -> bool:
        """Whether the viewer may see an Application, by the last known rights."""
        return self.viewer.known_to_see(key)


class EventStreams:
    """All open streams; lives in the thread of the server.

    Args:
        rows: the rows, made anew at each flush.
        keys: all Applications, for the first viewer.
    """

    def __init__(self, rows: Rows, keys: Callable[[], Iterable[AppKey]]) -> None:
        self._rows, self._keys = rows, keys
        self._streams: set[_Stream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flushing = False
        self._stopped = False
        self._last_use = time.monotonic()
        self._release: asyncio.TimerHandle | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sets the loop that sends."""
        self._loop = loop

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._streams)

    def touch(self, key: AppKey) -> None:
        """Takes a change, from any thread."""
        if self._rows.touch(key) and self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop ended between the two
                self._loop.call_soon_threadsafe(self._plan_flush)

    def used(self) -> None:
        """Keeps the rows for another while; in the loop's thread."""
        self._last_use = time.monotonic()
        if self._release is None and self._loop is not None:
            self._release = self._loop.call_later(_IDLE_SECONDS, self._release_rows)

    def stop(self) -> None:
        """Ends every stream, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop)

    async def serve(self, viewer: Viewer, wish: Wish, receive: Receive, send: Send) -> None:
        """Sends events until the viewer leaves, or the stream is too old."""
        self._check(viewer)
        stream = _subscribed(viewer, wish.topics)
        await asyncio.to_thread(self._prepare, viewer)
        self.used()
        self._begin(stream, wish.mark)
        self._streams.add(stream)
        if self._stopped:
            stream.end = _STOPPING
        try:
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            leaving = asyncio.create_task(left(receive))
            sending = asyncio.create_task(self._send_all(stream, send))
            reviewing = asyncio.create_task(self._review(stream))
            tasks = {leaving, sending, reviewing}
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._streams.discard(stream)
            self.used()
        with contextlib.suppress(OSError, RuntimeError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _prepare(self, viewer: Viewer) -> None:
        """Makes the rows, and asks what the viewer may see."""
        keys = tuple(self._keys())
        self._rows.activate(keys)
        viewer.seen(keys)

    def _check(self, viewer: Viewer) -> None:
        if self._stopped:
            raise RequestProblem(503, "the server is stopping", reason="Unavailable", retry_after=2)
        if len(self._streams) >= _STREAMS:
            raise RequestProblem(503, f"{_STREAMS} pages are open: try again later", reason="Throttled", retry_after=30)
        if sum(1 for stream in self._streams if stream.viewer.digest == viewer.digest) >= _OF_ONE_VIEWER:
            raise RequestProblem(
                429, f"{_OF_ONE_VIEWER} streams of this session are open: close one", reason="Throttled", retry_after=30
            )

    def _begin(self, stream: _Stream, mark: str) -> None:
        """What the viewer missed since the event it saw last."""
        if not mark:
            return
        changes = self._rows.since(mark)
        if changes.reset:
            stream.reset = changes.reset
        else:
            stream.dirty = dict.fromkeys(key for key in changes.rows if stream.sees(key))
            stream.gone = dict.fromkeys(key for key in changes.gone if stream.sees(key))
            stream.details = dict.fromkeys(key for key in stream.dirty if key in stream.apps)

    async def _send_all(self, stream: _Stream, send: Send) -> None:
        born = time.monotonic()
        agent_at = born
        hello = Hello(epoch=self._rows.epoch, seq=self._rows.seq, time=now(), heartbeat_seconds=int(HEARTBEAT_SECONDS))
        events = [(EventName.HELLO, _json(hello)), *self._pending(stream)]
        await sent(send, b"retry: %d\n\n" % _RETRY_MS + self._encoded(events))
        while True:
            stream.wake.clear()  # before the look: what comes up while events are sent wakes again
            events = self._pending(stream)
            if stream.agent and time.monotonic() - agent_at > _AGENT_SECONDS:
                agent_at = time.monotonic()
                events.append((EventName.AGENT, _json(AgentEvent(time=now()))))
            if time.monotonic() - born > _AGE_SECONDS:
                stream.end = EventName.BYE, ByeEvent(retry_ms=_RETRY_MS, why="age")
            if stream.end is not None:
                await sent(send, self._encoded([*events, (stream.end[0], _json(stream.end[1]))]))
                return
            if events:
                await sent(send, self._encoded(events))
            try:
                await asyncio.wait_for(stream.wake.wait(), _AGENT_SECONDS if stream.agent else HEARTBEAT_SECONDS)
            except TimeoutError:
                await sent(send, b": \n\n")

    def _pending(self, stream: _Stream) -> list[tuple[EventName, bytes]]:
        """The events that a viewer has not got yet, and forgets them."""
        if stream.reset or len(stream.dirty) > _DIRTY:
            why, stream.reset = stream.reset or "slow", ""
            stream.dirty, stream.gone, stream.details = {}, {}, {}
            return [(EventName.RESET, _json(ResetEvent(why=why)))]
        dirty, stream.dirty = stream.dirty, {}
        gone, stream.gone = stream.gone, {}
        details, stream.details = stream.details, {}
        events: list[tuple[EventName, bytes]] = []
        rows = [entry.encoded for key in dirty if (entry := self._rows.entry(key)) is not None]
        if rows:
            events.append((EventName.ROWS, b'{"rows":[' + b",".join(rows) + b"]}"))
        if gone:
            names = tuple(ApplicationName(namespace=key.namespace, name=key.name) for key in gone)
            events.append((EventName.GONE, _json(GoneEvent(applications=names))))
        for key in details:
            entry = self._rows.entry(key)
            event = AppEvent(
                application=ApplicationName(namespace=key.namespace, name=key.name),
                resource_version=entry.version if entry else "",
            )
            events.append((EventName.APP, _json(event)))
        return events

    def _encoded(self, events: list[tuple[EventName, bytes]]) -> bytes:
        """Events as bytes; only the last one carries the number.

        A connection that breaks between them is resumed from before them all.
        """
        body = b"".join(b"event: %s\ndata: %s\n\n" % (name.value.encode(), data) for name, data in events[:-1])
        name, data = events[-1]
        mark = b"%s-%d" % (self._rows.epoch.encode(), self._rows.seq)
        return body + b"id: %s\nevent: %s\ndata: %s\n\n" % (mark, name.value.encode(), data)

    def _plan_flush(self) -> None:
        if not self._flushing and self._loop is not None:
            self._flushing = True
            self._loop.call_later(_FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        try:
            changed, gone, touched = self._rows.flush()
        except AgentError:  # this replica no longer leads, and is about to end
            return
        for stream in self._streams:
            self._hand_out(stream, changed, gone, touched)

    def _hand_out(self, stream: _Stream, changed: list[AppKey], gone: list[AppKey], touched: list[AppKey]) -> None:
        for key in changed:
            if stream.rows and stream.sees(key):
                stream.gone.pop(key, None)
                stream.dirty[key] = None
        for key in gone:
            if stream.rows and stream.sees(key):
                stream.dirty.pop(key, None)
                stream.gone[key] = None
        for key in touched:
            if key in stream.apps and stream.sees(key):
                stream.details[key] = None
        if stream.dirty or stream.gone or stream.details:
            stream.wake.set()

    async def _review(self, stream: _Stream) -> None:
        """Asks once a minute whether the session is still good, and for its rights."""
        while True:
            await asyncio.sleep(_REVIEW_SECONDS)
            try:
                await asyncio.to_thread(stream.viewer.review)
            except Unauthorized as error:
                stream.end = EventName.SIGNED_OUT, SignedOutEvent(why=str(error))
                stream.wake.set()
                return
            except AgentError:
                continue

    def _stop(self) -> None:
        self._stopped = True
        for stream in self._streams:
            stream.end = _STOPPING
            stream.wake.set()

    def _release_rows(self) -> None:
        """Forgets the rows some time after the last viewer."""
        self._release = None
        if self._streams or time.monotonic() - self._last_use < _IDLE_SECONDS:
            if self._loop is not None:
                self._release = self._loop.call_later(_IDLE_SECONDS, self._release_rows)
            return
        self._rows.release()


def _subscribed(viewer: Viewer, topics: str) -> _Stream:
    """The stream that topics name.

    Raises:
        RequestProblem: one is unknown, or there are too many.
    """
    names = [name for name in topics.split(",") if name]
    apps = frozenset(_app(name) for name in names if name.startswith("app:"))
    unknown = [name for name in names if name not in ("rows", "agent") and not name.startswith("app:")]
    if unknown or len(names) > 16:  # noqa: PLR2004 - tabs of one browser
        raise RequestProblem(422, f"topics={topics[:80]}: say at most 16 of rows, agent, app:namespace/name", reason="Invalid")
    return _Stream(viewer=viewer, rows="rows" in names, apps=apps, agent="agent" in names)


def _app(name: str) -> AppKey:
    namespace, _, short = name.removeprefix("app:").partition("/")
    return AppKey(namespace, short)


def _json(view: View) -> bytes:
    return view.model_dump_json(by_alias=True).encode()


async def left(receive: Receive) -> None:
    """Returns once the viewer is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def sent(send: Send, body: bytes) -> None:
    """Sends bytes; a viewer that takes none for too long is cut off."""
    await asyncio.wait_for(send({"type": "http.response.body", "body": body, "more_body": True}), _SEND_SECONDS)
