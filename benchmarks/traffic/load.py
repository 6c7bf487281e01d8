"""Steady load on one URL, and a record of every request.

The generator is an open loop: request n leaves at n / rate seconds, whether or not earlier ones were answered, so that a stall
of the path shows as waiting requests and not as fewer of them. It retries nothing, follows nothing and hides nothing: whatever
a user would have seen as an error is one.

Shares: a gateway draws a random number for each request, and 2,000 draws at 25 % scatter by a whole point (one sigma), which
would make "within two points" a matter of luck. Every request therefore brings its draw along, in the header the stage's
gateway takes it from (`DRAW`): a counter times a large prime, whose remainders modulo any sum of weights are spread evenly.
The gateway still decides by the weights it has; only the dice are loaded, towards fairness. `draws=False` leaves them to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from benchmarks.traffic.answer import Answer
from benchmarks.traffic.client import Address, Connection
from benchmarks.traffic.translation import DRAW
from gitops_agent.errors import AgentError

STALL_SECONDS = 1.0
"""A program that wakes up so much later than it wanted to stood still."""

_PRIME = 2654435761
_IN_FLIGHT = 256
_END_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class LoadStalled(AgentError):
    """Fewer requests were answered than waited for."""

    reason = "NotSeen"


class Load:
    """Sends GET requests at a fixed rate until stopped or finished.

    Args:
        url: `http://host:port/path`.
        rate: requests a second.
        headers: sent with every request; `Host` may be among them.
        connections: kept alive and used in turn.
        per_connection: requests until a connection is replaced; 1 is a new connection for each, as plain Services need it,
            since kube-proxy balances connections and not requests. None keeps them for as long as the server does.
        timeout_seconds: until a request counts as failed, its connection included.
        count: requests to send at most.
        seconds: how long to send at most.
        draws: whether requests bring their own random numbers; see above.

    Attributes:
        stalls: when this program stood still, from and to, on the monotonic clock.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float = 50.0,
        headers: Mapping[str, str] | None = None,
        connections: int = 4,
        per_connection: int | None = None,
        timeout_seconds: float = 5.0,
        count: int | None = None,
        seconds: float = 600.0,
        draws: bool = True,
    ) -> None:
        self.url = url
        self._address = Address.of(url, headers or {})
        self._rate = rate
        self._lanes = max(1, connections)
        self._per_connection = per_connection
        self._timeout = timeout_seconds
        self._count = count
        self._seconds = seconds
        self._draws = draws
        self._records: list[Answer] = []
        self._sent = 0
        self._awake = 0.0
        self.stalls: list[tuple[float, float]] = []
        self._idle: list[Connection] = []
        self._open = 0
        self._ended = threading.Event()
        self._told = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pause = threading.Event()
        self._marks: dict[float, int] = {}
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    # Coming and going

    def start(self) -> Self:
        """Starts to send."""
        self._thread.start()
        return self

    def stop(self) -> Self:
        """Stops sending, and waits for pending requests up to the time-out."""
        self._ended.set()
        with contextlib.suppress(RuntimeError, AttributeError):
            self._loop.call_soon_threadsafe(self._told.set)  # type: ignore[union-attr]
        self._thread.join(self._timeout + _END_SECONDS)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # What became of it

    @property
    def sent(self) -> int:
        """Requests sent so far, answered or not."""
        return self._sent

    @property
    def failed(self) -> int:
        """Requests that failed so far; see `Answer.failed`."""
        return sum(answer.failed for answer in self._records)

    def mark(self) -> float:
        """This moment on the monotonic clock, for `since`."""
        begun, now = len(self._records), time.monotonic()
        self._marks[now] = begun
        return now

    def since(self, mark: float = 0.0) -> list[Answer]:
        """The results of requests sent after a mark, in ending order."""
        return [answer for answer in self._records[self._marks.get(mark, 0) :] if answer.at >= mark]

    def failures(self, mark: float = 0.0) -> list[Answer]:
        """The failed ones among them."""
        return [answer for answer in self.since(mark) if answer.failed]

    def share(self, variant: str = "canary", *, last: int | None = None, since: float = 0.0, until: float = math.inf) -> float:
        """Percent of answered requests that pods of a variant answered.

        0 when there was none.

        Args:
            variant: as the pods' label says.
            last: only so many of the latest.
            since: only those sent after a mark.
            until: only those sent before a mark; what is under way is counted once it has ended.
        """
        records = [answer for answer in self.since(since) if answer.pod and answer.at < until]
        records = records[-last:] if last is not None else records
        return 100.0 * sum(answer.variant == variant for answer in records) / len(records) if records else 0.0

    def wait(self, count: int, *, since: float = 0.0, seconds: float | None = None) -> Self:
        """Returns once `count` requests that were sent after a mark have ended.

        Raises:
            LoadStalled: not in time (by default twice what the rate needs, and ten seconds).
        """
        limit = seconds if seconds is not None else 2 * count / self._rate + 10
        deadline = time.monotonic() + limit
        while (there := len(self.since(since))) < count:
            if time.monotonic() > deadline:
                raise LoadStalled(f"{there} of {count} requests to {self.url} have ended within {limit:g} s")
            self._pause.wait(min(_LOOK_SECONDS, limit))
        return self

    # The thread

    def _run(self) -> None:
        asyncio.run(self._send())

    async def _send(self) -> None:
        self._loop = asyncio.get_running_loop()
        started = time.monotonic()
        under_way: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            due = started + number / self._rate
            over = self._count is not None and number >= self._count
            if over or due - started > self._seconds:
                break
            if await self._told_to_end(due):
                break
            self._look_at_the_clock(due)
            if len(under_way) >= _IN_FLIGHT:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                self._awake = time.monotonic()  # the path made it wait, which is no stall of its own
            self._sent += 1
            task = asyncio.create_task(self._one(number))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way, timeout=self._timeout + 1)
        for connection in self._idle:
            connection.close()

    async def _told_to_end(self, due: float) -> bool:
        """Waits until the time or `stop`; returns whether it was stopped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.0, due - time.monotonic())):
                await self._told.wait()
        return self._ended.is_set()

    def _look_at_the_clock(self, due: float) -> None:
        """Records pauses of this process, in which its servers were silent too."""
        now = time.monotonic()
        if now - max(due, self._awake) > STALL_SECONDS:
            self.stalls.append((max(due, self._awake), now))
        self._awake = now

    async def _one(self, number: int) -> None:
        connection = self._take()
        extra = f"{DRAW}: {number * _PRIME}\r\n" if self._draws else ""
        answer = await connection.ask(extra, self._timeout)
        spent = self._per_connection is not None and connection.asked >= self._per_connection
        if connection.reusable and not spent and len(self._idle) < self._lanes:
            self._idle.append(connection)
        else:
            self._close(connection)
        self._records.append(answer)

    def _take(self) -> Connection:
        """The connection idle for longest, or a new one if needed.

        A new one while there are fewer than configured, or all are busy.
        """
        while self._idle and self._open >= self._lanes:
            connection = self._idle.pop(0)
            if connection.reusable:
                return connection
            self._close(connection)
        self._open += 1
        return Connection(self._address)

    def _close(self, connection: Connection) -> None:
        self._open -= 1
        connection.close()
