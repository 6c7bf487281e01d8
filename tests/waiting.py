"""Waiting for a condition with a deadline, so that no test sleeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LIMIT_SECONDS = 60.0
"""How long a condition may take on a busy machine: long, as it costs nothing when the condition is met."""


def eventually(check: Callable[[], T], *, seconds: float = LIMIT_SECONDS, every: float = 0.02, what: str = "") -> T:
    """The first truthy result of `check` within the deadline.

    Else the error of the last try, or an AssertionError.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        late = time.monotonic() > deadline
        try:
            result = check()
        except Exception:
            if late:
                raise
        else:
            if result:
                return result
            if late:
                raise AssertionError(f"not within {seconds:g} s: {what or check}")
        pause.wait(every)
