"""Previews computed lately, so that a walk through the tabs renders once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from gitops_agent.preview.comparison import Preview

_SECONDS = 20.0
_MOST = 16
V = TypeVar("V")


class RecentValues(Generic[V]):
    """A few values by key, each for some seconds; thread-safe.

    Args:
        seconds: how long one is good.
    """

    def __init__(self, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of a key, made anew when it is too old."""
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and time.monotonic() - entry[0] < self._seconds:
            return entry[1]
        fresh = make()
        with self._lock:
            self._entries[key] = (time.monotonic(), fresh)
            self._entries.move_to_end(key)
            while len(self._entries) > _MOST:
                self._entries.popitem(last=False)
        return fresh


class PlanCache(RecentValues[Preview]):
    """Previews by viewer, Application and revision."""
