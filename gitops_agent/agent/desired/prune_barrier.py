"""Nothing is deleted before everybody who might take it over has looked at the same commit.

One commit moves an object from one application to another, and the application that lets go of it may be looked at first. Were
it to delete at once, the move would be an outage. So deletions wait until every Application that follows the same reference of
the same repository has looked at the commit; one that cannot be looked at (it is stalled, its render hangs) is waited for only
so long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gitops_agent.manifest.key import AppKey

_PATIENCE_SECONDS = 60.0


class PruneBarrier:
    """Thread-safe.

    Args:
        peers: the Applications that follow the same reference of the same repository.
        clock: monotonic seconds.
    """

    def __init__(self, peers: Callable[[AppKey], tuple[AppKey, ...]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._peers, self._clock = peers, clock
        self._lock = threading.Lock()
        self._seen: dict[AppKey, str] = {}
        self._since: dict[AppKey, tuple[str, float]] = {}
        self._waiting: dict[AppKey, set[AppKey]] = {}

    def looked(self, application: AppKey, commit: str) -> frozenset[AppKey]:
        """The application has declared what it wants at a commit, or could not: those that waited for that.

        Without a commit it cannot look at any, and nobody waits for it.
        """
        with self._lock:
            if self._seen.get(application) == commit:
                return frozenset()
            self._seen[application] = commit
            return frozenset(self._waiting.pop(application, ()))

    def behind(self, application: AppKey, commit: str) -> AppKey | None:
        """Somebody who has not looked at the commit yet; `looked` of that one will name the application."""
        peers = self._peers(application)
        now = self._clock()
        with self._lock:
            found = next((peer for peer in peers if self._seen.get(peer) not in (commit, "")), None)
            if found is None:
                self._since.pop(application, None)
                return None
            known, since = self._since.get(application, ("", now))
            if known != commit:
                since = now
                self._since[application] = (commit, now)
            if now - since >= _PATIENCE_SECONDS:
                return None
            self._waiting.setdefault(found, set()).add(application)
            return found

    def forget(self, application: AppKey) -> frozenset[AppKey]:
        """The application is gone: those that waited for it."""
        with self._lock:
            self._seen.pop(application, None)
            self._since.pop(application, None)
            return frozenset(self._waiting.pop(application, ()))
