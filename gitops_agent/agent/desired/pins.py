"""Single commits that renders read beside what is followed.

A pinned commit is fetched once and never moves, so it has no interval of its own. It is kept as long as an application reads
it, and at most so many for each application: the oldest goes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from gitops_agent.agent.desired.chart_access import secrets_of
from gitops_agent.manifest.key import AppKey
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository

MOST = 200
"""Of one application."""


class Pins:
    """Commits by repository, and the applications that read them; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pins: dict[AppKey, dict[tuple[Repository, Ref], None]] = {}

    def add(self, application: AppKey, repository: Repository, ref: Ref) -> frozenset[Repository]:
        """Keeps a commit; returns the repositories without readers."""
        with self._lock:
            own = self._pins.setdefault(application, {})
            own.setdefault((repository, ref))
            dropped = {own_pin[0] for own_pin in list(own)[:-MOST]}
            for pin in list(own)[:-MOST]:
                del own[pin]
            return self._unread(dropped)

    def drop(self, application: AppKey, there: Callable[[Repository, Ref], bool] | None = None) -> frozenset[Repository]:
        """Drops what an application reads; returns as `add` does.

        Args:
            application: whose.
            there: whether a commit was fetched, to drop only the others; None for all.
        """
        with self._lock:
            own = self._pins.pop(application, {})
            kept = {pin: None for pin in own if there is not None and there(*pin)}
            if kept:
                self._pins[application] = kept
            return self._unread({repository for repository, _ in own.keys() - kept.keys()})

    def refs(self, repository: Repository) -> dict[Ref, frozenset[AppKey]]:
        """The commits of a repository, and who reads them."""
        readers: dict[Ref, set[AppKey]] = {}
        with self._lock:
            for application, own in self._pins.items():
                for pinned, ref in own:
                    if pinned == repository:
                        readers.setdefault(ref, set()).add(application)
        return {ref: frozenset(applications) for ref, applications in readers.items()}

    def of(self, application: AppKey) -> frozenset[Repository]:
        """The repositories of which an application reads commits."""
        with self._lock:
            return frozenset(repository for repository, _ in self._pins.get(application, {}))

    def with_secret(self, secret: str) -> frozenset[Repository]:
        """The repositories that are read, or verified, with a Secret."""
        with self._lock:
            pins = [pin for own in self._pins.values() for pin in own]
        return frozenset(repository for repository, ref in pins if secret in secrets_of(repository, ref))

    def _unread(self, repositories: Iterable[Repository]) -> frozenset[Repository]:
        read = {repository for own in self._pins.values() for repository, _ in own}
        return frozenset(repositories) - read
