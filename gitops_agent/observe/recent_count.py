"""Counts events of the last hour without a timer.

Problem: a counter since the start does not say what goes on now, and a sampler that reads it every minute mostly runs without a
reader. Decision: events are added to slots of ten seconds as they happen, and old slots are dropped then, so a counter
costs at most 360 small entries, and one without events costs none.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

SLOT_SECONDS = 10
KEPT_SECONDS = 3600


class RecentCount:
    """A thread-safe count of recent events.

    Args:
        clock: seconds of a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._slots: deque[list[int]] = deque(maxlen=KEPT_SECONDS // SLOT_SECONDS)
        self._started = clock()

    def add(self) -> None:
        """Counts one event."""
        with self._lock:
            # Read under the lock: slots of two threads would else be out of order.
            slot = int(self._clock() // SLOT_SECONDS)
            if self._slots and self._slots[-1][0] == slot:
                self._slots[-1][1] += 1
            else:
                self._slots.append([slot, 1])

    def within(self, seconds: int) -> int:
        """Events of the last seconds, rounded to slots; at most one hour."""
        with self._lock:
            oldest = int(self._clock() // SLOT_SECONDS) - seconds // SLOT_SECONDS
            return sum(count for slot, count in self._slots if slot > oldest)

    def age(self) -> float:
        """The seconds since it began to count."""
        return self._clock() - self._started
