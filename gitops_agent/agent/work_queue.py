"""Work queue with one entry a key, filled by `add(key, reason)`.

Problem: a thousand events about one application must become one reconcile, one application must never run twice at once, a
slow or failing one must not starve the others, and a user's request must not wait behind a resync. Decision: one entry a
key; a key that is running is remembered and runs again when it is done; entries are ordered by the time they became ready
plus a handicap of one second for each step of lower priority, which favours the urgent and starves no key.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from gitops_agent.backoff import Backoff

K = TypeVar("K", bound=Hashable)

_HANDICAP_SECONDS = 1.0
_REASONS_KEPT = 8


class Priority(IntEnum):
    """Urgency of an entry: the lowest number goes first."""

    USER = 0
    COMMIT = 1
    DRIFT = 2
    RESYNC = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Generic[K]):
    """A key to be handled now.

    Attributes:
        key: which one.
        reasons: why, the first eight.
        priority: the most urgent of those requested.
        waited: seconds since it became ready.
    """

    key: K
    reasons: tuple[str, ...]
    priority: Priority
    waited: float


@dataclass(slots=True)
class _Entry:
    due: float
    priority: Priority
    ticket: int
    reasons: list[str] = field(default_factory=list)

    def rank(self) -> float:
        return self.due + self.priority * _HANDICAP_SECONDS


class WorkQueue(Generic[K]):
    """Keyed, deduplicating, delayed queue; thread-safe.

    Args:
        base: seconds of the first backoff.
        cap: seconds a backoff never exceeds.
        clock: monotonic seconds.
        jitter: random numbers, which spread backoffs.
    """

    def __init__(
        self,
        *,
        base: float = 0.5,
        cap: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: random.Random | None = None,
    ) -> None:
        self._backoff = Backoff(first_seconds=base, longest_seconds=cap)
        self._clock, self._jitter = clock, jitter or random.SystemRandom()
        self._changed = threading.Condition()
        self._waiting: dict[K, _Entry] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._running: set[K] = set()
        self._failures: dict[K, int] = {}
        self._tickets = itertools.count()
        self._closed = False

    def add(self, key: K, reason: str, priority: Priority = Priority.RESYNC, *, delay: float = 0.0) -> None:
        """Queues `key` after `delay` seconds; an earlier or more urgent entry wins."""
        with self._changed:
            if self._closed:
                return
            due = self._clock() + delay
            entry = self._waiting.get(key)
            if entry is None:
                entry = self._waiting[key] = _Entry(due, priority, 0)
            elif entry.due <= due and entry.priority <= priority:
                self._note(entry, reason)
                return
            else:
                entry.due, entry.priority = min(entry.due, due), min(entry.priority, priority)
            self._note(entry, reason)
            entry.ticket = next(self._tickets)
            if key not in self._running:
                self._push(key, entry)
                self._changed.notify()

    def take(self, timeout: float | None = None) -> Item[K] | None:
        """Takes the next due key; None after `timeout` seconds or when closed."""
        limit = None if timeout is None else self._clock() + timeout
        with self._changed:
            while True:
                if self._closed:
                    return None
                now = self._clock()
                item, pause = self._pop(now)
                if item is not None:
                    return item
                if limit is not None:
                    if now >= limit:
                        return None
                    pause = limit - now if pause is None else min(pause, limit - now)
                self._changed.wait(None if pause is None else min(pause, threading.TIMEOUT_MAX))

    def done(self, key: K) -> None:
        """Ends the handling of `key`; an entry added meanwhile becomes ready now."""
        with self._changed:
            self._running.discard(key)
            entry = self._waiting.get(key)
            if entry is not None:
                self._push(key, entry)
                self._changed.notify()

    def retry(self, key: K, reason: str, *, after: float | None = None) -> float:
        """Queues `key` after a backoff; returns the delay in seconds.

        Args:
            key: which failed.
            reason: why.
            after: the least delay, in seconds; the backoff has jitter.
        """
        with self._changed:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = self._backoff.pause(failures, at_least=after or 0.0, chance=self._jitter.random)
        self.add(key, reason, delay=delay)
        return delay

    def succeeded(self, key: K) -> None:
        """Forgets the failures of `key`."""
        with self._changed:
            self._failures.pop(key, None)

    def forget(self, key: K) -> None:
        """Drops what is waiting for `key` and its failures."""
        with self._changed:
            self._waiting.pop(key, None)
            self._failures.pop(key, None)

    def close(self) -> None:
        """Ends every `take`, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def depth(self) -> int:
        """How many keys are ready and not running."""
        now = self._clock()
        with self._changed:
            return sum(1 for key, entry in self._waiting.items() if entry.due <= now and key not in self._running)

    def oldest(self) -> float:
        """How many seconds the oldest ready key has waited."""
        now = self._clock()
        with self._changed:
            dues = [entry.due for key, entry in self._waiting.items() if entry.due <= now and key not in self._running]
        return now - min(dues, default=now)

    @property
    def running(self) -> frozenset[K]:
        """The keys that are being handled now."""
        with self._changed:
            return frozenset(self._running)

    @staticmethod
    def _note(entry: _Entry, reason: str) -> None:
        if reason not in entry.reasons and len(entry.reasons) < _REASONS_KEPT:
            entry.reasons.append(reason)

    def _push(self, key: K, entry: _Entry) -> None:
        heapq.heappush(self._heap, (entry.rank(), entry.ticket, key))

    def _pop(self, now: float) -> tuple[Item[K] | None, float | None]:
        """The best ready item, else the seconds until one may be ready.

        Neither when only an `add` can bring one.
        """
        later: list[tuple[float, int, K]] = []
        item: Item[K] | None = None
        pause: float | None = None
        while self._heap:
            rank, ticket, key = heapq.heappop(self._heap)
            entry = self._waiting.get(key)
            if entry is None or entry.ticket != ticket or key in self._running:
                continue
            if entry.due > now:
                later.append((rank, ticket, key))
                pause = entry.due - now if pause is None else min(pause, entry.due - now)
                earliest = rank - Priority.RESYNC * _HANDICAP_SECONDS
                if earliest > now:  # whatever stands behind this one is due then or later
                    pause = min(pause, earliest - now)
                    break
                continue
            del self._waiting[key]
            self._running.add(key)
            item = Item(key=key, reasons=tuple(entry.reasons), priority=entry.priority, waited=now - entry.due)
            break
        for element in later:
            heapq.heappush(self._heap, element)
        return item, pause
