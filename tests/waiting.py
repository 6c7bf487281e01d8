"""Waiting for a condition with a deadline, so that no test sleeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(check: Callable[[], T], *, seconds: float = 10.0, every: float = 0.02, what: str = "") -> T:
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
