"""Shares the threads that poll between repositories.

Problem: a Git server that does not answer, or sends a byte a second, holds a thread until its time limit; as many such
repositories as there are threads stop every commit of the others. Decision: repositories that were slow at their last poll, or
were never polled, use half of the threads at most, and one host does not get all of them.
"""

from __future__ import annotations

import threading
import time

from gitops_agent.source.repository import Repository

WORKERS = 6
_MOST_SLOW = 3
_MOST_OF_A_HOST = 4
_QUICK_SECONDS = 5.0


class PollSlots:
    """Which repositories may be polled now; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quick: set[Repository] = set()
        self._running: dict[Repository, float] = {}

    def take(self, repository: Repository) -> bool:
        """Takes a slot for a poll, if one is free, until `release`."""
        now = time.monotonic()
        with self._lock:
            slow = [
                polled for polled, since in self._running.items() if polled not in self._quick or now - since > _QUICK_SECONDS
            ]
            host = [polled for polled in self._running if repository.host and polled.host == repository.host]
            if len(host) >= _MOST_OF_A_HOST or (repository not in self._quick and len(slow) >= _MOST_SLOW):
                return False
            self._running[repository] = now
            return True

    def release(self, repository: Repository) -> None:
        """Gives the slot back and remembers whether the poll was quick."""
        with self._lock:
            seconds = time.monotonic() - self._running.pop(repository)
            if seconds < _QUICK_SECONDS:
                self._quick.add(repository)
            else:
                self._quick.discard(repository)

    def forget(self, repository: Repository) -> None:
        """Drops what is known of a repository."""
        with self._lock:
            self._quick.discard(repository)
