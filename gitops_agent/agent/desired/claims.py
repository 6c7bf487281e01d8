"""Claims: one application owns an object, decided before anything is sent.

A typo that gives two applications one object makes the peers delete and recreate production in turns. Here the first to declare
an object keeps it, the second gets an error, and when the first releases it the second is woken and takes over: a move between
applications is a hand-over, not a deletion and a creation.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from gitops_agent.manifest.key import AppKey, ObjectKey


class ClaimRegistry:
    """Thread-safe register of declared objects."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[ObjectKey, AppKey] = {}
        self._held: dict[AppKey, frozenset[ObjectKey]] = {}
        self._contenders: dict[ObjectKey, set[AppKey]] = {}
        self._contended: dict[AppKey, frozenset[ObjectKey]] = {}

    def claim(self, application: AppKey, keys: Iterable[ObjectKey]) -> tuple[dict[ObjectKey, AppKey], frozenset[AppKey]]:
        """Claims exactly these objects for an application, and releases its others.

        A released object belongs at once to the applications that contend for it, not only when they claim again: in between
        it must not count as abandoned.

        Returns:
            The objects that others hold with their holders, and the applications to wake for what was released.
        """
        claimed = frozenset(keys)
        with self._lock:
            freed = self._held.get(application, frozenset()) - claimed
            for key in freed:
                self._holders.pop(key, None)
            for key in self._contended.get(application, frozenset()):
                contenders = self._contenders.get(key, set())
                contenders.discard(application)
                if not contenders:
                    self._contenders.pop(key, None)
            woken = {contender for key in freed for contender in self._contenders.get(key, ())}
            conflicts = {key: self._holders[key] for key in claimed if self._holders.get(key, application) != application}
            for key in claimed - conflicts.keys():
                self._holders[key] = application
            for key in conflicts:
                self._contenders.setdefault(key, set()).add(application)
            self._contended[application] = frozenset(conflicts)
            self._held[application] = claimed - conflicts.keys()
            return conflicts, frozenset(woken)

    def release(self, application: AppKey) -> frozenset[AppKey]:
        """Releases every claim; returns the applications that contended for one."""
        _, woken = self.claim(application, ())
        with self._lock:
            self._held.pop(application, None)
            self._contended.pop(application, None)
        return woken

    def holder(self, key: ObjectKey) -> AppKey | None:
        """The application that holds the object, else one that contends for it."""
        with self._lock:
            holder = self._holders.get(key)
            return holder or next(iter(sorted(self._contenders.get(key, set()))), None)

    def wanted_by_another(self, key: ObjectKey, application: AppKey) -> AppKey | None:
        """Another application that declares the object; releasing it is a hand-over."""
        holder = self.holder(key)
        return holder if holder is not None and holder != application else None
