"""Records what threads do, so that one that hangs is named.

Problem: a thread that waits for ever in a lock, a socket or a program logs nothing, and its work stands still unnoticed.
Decision: what may hang is registered for as long as it runs, which costs two dictionary operations; `StallDetector` reports
what runs for too long.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FRAMES = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activity:
    """Something that runs.

    Attributes:
        what: such as `list`.
        of: such as `pods`.
        thread: the identifier of its thread.
        since: monotonic seconds.
        patience: seconds after which it takes long.
        limit: seconds after which it hangs for certain; None where something else ends it.
    """

    what: str
    of: str
    thread: int
    since: float
    patience: float
    limit: float | None

    def stack(self) -> list[str]:
        """Where its thread is now, the innermost call last.

        Empty once the thread ended.
        """
        frame = sys._current_frames().get(self.thread)  # noqa: SLF001 - the documented way to the stack of another thread
        frames = traceback.extract_stack(frame) if frame is not None else []
        return [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in frames[-_FRAMES:]]


class Activities:
    """What runs now; thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[int, Activity] = {}

    @contextmanager
    def during(self, what: str, of: str, *, patience: float, limit: float | None = None) -> Iterator[None]:
        """Registers what this thread does within the block; see `Activity`."""
        thread = threading.get_ident()
        activity = Activity(what=what, of=of, thread=thread, since=self._clock(), patience=patience, limit=limit)
        with self._lock:
            self._running[id(activity)] = activity
        try:
            yield
        finally:
            with self._lock:
                del self._running[id(activity)]

    def running(self) -> tuple[Activity, ...]:
        """All that runs, in the order of its begin."""
        with self._lock:
            return tuple(self._running.values())

    def seconds(self, activity: Activity) -> float:
        """How long it has been running."""
        return self._clock() - activity.since

    def hung(self) -> str:
        """What has run for longer than its limit; empty without such."""
        for activity in self.running():
            if activity.limit is not None and self.seconds(activity) > activity.limit:
                return f"{activity.what} {activity.of} has been running for {self.seconds(activity):.0f} s"
        return ""


ACTIVITIES = Activities()
"""Those of this process."""
