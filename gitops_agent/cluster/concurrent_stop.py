"""Stops services at the same time.

Problem: a watch of an API server that hangs takes seconds to end, and dozens of them, one after the other, take longer than a
process has before it is killed. Decision: each ends on a thread of its own, so all of them take as long as the slowest.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol


class Stoppable(Protocol):
    """Ends within a limited time."""

    def stop(self) -> None:
        """Ends it."""


def stop_concurrently(services: Iterable[Stoppable]) -> None:
    """Stops all and waits for the last, then raises the first error."""
    running = tuple(services)
    if not running:
        return
    with ThreadPoolExecutor(len(running), thread_name_prefix="stop") as pool:
        ends = [pool.submit(service.stop) for service in running]
    for end in ends:
        end.result()
