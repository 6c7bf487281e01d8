"""Detects controllers that keep reverting our repairs; suspends repair meanwhile.

Two controllers that each restore their own value would write for ever, dozens of times a second. Every repair heats the object
by one, heat halves in a fixed time, and an object hotter than the limit is fought over: it is no longer repaired, which ends
the fight and leaves the evidence in place. It is tried again once it is half as hot, so a fight that ended heals by itself.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from gitops_agent.manifest.key import ObjectKey

LIMIT = 5.0
"""Repairs within about a minute that make a fight."""
HALF_LIFE_SECONDS = 60.0

_COLD = 0.05
_MANY = 10_000


class FightDetector:
    """Decaying count of repairs of each object; thread-safe.

    Args:
        limit: the heat at which a fight is declared; it ends at half of that.
        half_life_seconds: in which an object loses half of its heat.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        limit: float = LIMIT,
        half_life_seconds: float = HALF_LIFE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._half_life, self._clock = limit, half_life_seconds, clock
        self._heat: dict[ObjectKey, tuple[float, float]] = {}
        self._fought: set[ObjectKey] = set()
        self._lock = threading.Lock()

    def repaired(self, key: ObjectKey) -> bool:
        """Counts a repair; whether the object is now fought over."""
        with self._lock:
            now = self._clock()
            heat = self._now(key, now) + 1.0
            self._heat[key] = (heat, now)
            # A limit of five is met by five repairs in one minute although the first of them has lost half of its heat.
            if heat > self._limit * 0.7:
                self._fought.add(key)
            if len(self._heat) > _MANY:
                self._forget_cold(now)
            return key in self._fought

    def fighting(self, key: ObjectKey) -> bool:
        """Whether the object is contested and its repair suspended."""
        with self._lock:
            if key not in self._fought:
                return False
            if self._now(key, self._clock()) < self._limit / 2:
                self._fought.discard(key)
                return False
            return True

    def seconds(self, key: ObjectKey) -> float:
        """Seconds until its repair resumes; 0 when it is not contested."""
        with self._lock:
            heat = self._now(key, self._clock())
            if key not in self._fought or heat <= self._limit / 2:
                return 0.0
            return self._half_life * math.log2(heat / (self._limit / 2))

    def forget(self, key: ObjectKey) -> None:
        """The object is wanted otherwise now, or gone."""
        with self._lock:
            self._heat.pop(key, None)
            self._fought.discard(key)

    def _now(self, key: ObjectKey, now: float) -> float:
        heat, at = self._heat.get(key, (0.0, now))
        return float(heat * 0.5 ** ((now - at) / self._half_life))

    def _forget_cold(self, now: float) -> None:
        for key in [key for key in self._heat if self._now(key, now) < _COLD]:
            del self._heat[key]
            self._fought.discard(key)
