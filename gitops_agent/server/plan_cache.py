"""Previews computed lately, so that a walk through the tabs renders once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from gitops_agent.preview.comparison import Preview

_SECONDS = 20.0
_MOST = 16


class PlanCache:
    """A few previews by key, each for some seconds; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[float, Preview]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Preview]) -> Preview:
        """The preview of a key, made anew when it is too old."""
        with self._lock:
            at, preview = self._entries.get(key, (0.0, None))
        if preview is not None and time.monotonic() - at < _SECONDS:
            return preview
        fresh = make()
        with self._lock:
            self._entries[key] = (time.monotonic(), fresh)
            self._entries.move_to_end(key)
            while len(self._entries) > _MOST:
                self._entries.popitem(last=False)
        return fresh
