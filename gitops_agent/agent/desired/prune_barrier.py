"""Holds prunes back until every peer application has loaded the commit.

One commit moves an object from one application to another, and the one that loses it may be reconciled first. Were it to
prune at once, the move would be an outage. So deletions wait until every Application that follows the same reference of the
same repository has loaded the commit; one that cannot load it (it is stalled, its render hangs) is waited for until a deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.manifest.key import AppKey

_PATIENCE_SECONDS = 60.0


class PruneBarrier:
    """Commits that the applications have loaded; thread-safe.

    Args:
        applications: know the peers that follow the same reference of the same repository.
        clock: monotonic seconds.
    """

    def __init__(self, applications: ApplicationStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._applications, self._clock = applications, clock
        self._lock = threading.Lock()
        self._seen: dict[AppKey, str] = {}
        self._since: dict[AppKey, tuple[str, float]] = {}
        self._waiting: dict[AppKey, set[AppKey]] = {}

    def looked(self, application: AppKey, commit: str) -> frozenset[AppKey]:
        """Registers a commit that the application loaded or failed to load.

        Without a commit it cannot load any, and no application waits for it.

        Returns:
            The applications that waited for this one.
        """
        with self._lock:
            if self._seen.get(application) == commit:
                return frozenset()
            self._seen[application] = commit
            return frozenset(self._waiting.pop(application, ()))

    def behind(self, application: AppKey, commit: str) -> AppKey | None:
        """A peer that has yet to load the commit, if any.

        Its `looked` will return the application.
        """
        peers = self._applications.following_too(application)
        now = self._clock()
        with self._lock:
            late = next((peer for peer in peers if self._seen.get(peer) not in (commit, "")), None)
            if late is None:
                self._since.pop(application, None)
                return None
            awaited, since = self._since.get(application, ("", now))
            if awaited != commit:
                since = now
                self._since[application] = (commit, now)
            if now - since >= _PATIENCE_SECONDS:
                return None
            self._waiting.setdefault(late, set()).add(application)
            return late

    def forget(self, application: AppKey) -> frozenset[AppKey]:
        """Drops an application; returns those that waited for it."""
        with self._lock:
            self._seen.pop(application, None)
            self._since.pop(application, None)
            return frozenset(self._waiting.pop(application, ()))
