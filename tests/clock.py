"""The clock of tests whose time passes when they say so."""

from __future__ import annotations


class Clock:
    """Monotonic seconds that stand until they are moved."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
