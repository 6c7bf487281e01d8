"""Limits concurrent writes: additive increase, multiplicative decrease.

A server that answers 429 gets fewer requests from all callers at once, not only from the call that was hit; when it answers
well again the window opens by one call a full round. One window serves all applications, because they share the API server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_PATIENCE_SECONDS = 1.0
"""Answers to calls sent before the window shrank must not shrink it again."""


class AdaptiveLimit:
    """Adaptive limit of concurrent API calls; thread-safe.

    Args:
        widest: calls under way at most.
        clock: monotonic seconds.
    """

    def __init__(self, widest: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._widest = float(widest)
        self._size = float(widest)
        self._clock = clock
        self._shrunk = float("-inf")
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Calls that may be under way now, at least one."""
        return max(1, int(self._size))

    def answered(self) -> None:
        """A call got an answer that was no plea for patience."""
        if self._size < self._widest:
            with self._lock:
                self._size = min(self._widest, self._size + 1 / self._size)

    def throttled(self) -> None:
        """Shrinks the window: the server answered 429 to a call."""
        with self._lock:
            now = self._clock()
            if now - self._shrunk >= _PATIENCE_SECONDS:
                self._shrunk = now
                self._size = max(1.0, self._size / 2)
