"""Keeps what another application may be about to take over.

One commit moves an object from one application to another, and the one that loses it may be reconciled first. Were it to
prune at once, the move would be an outage. So deletions wait until every Application that follows the same reference of the
same repository has loaded the commit, until those that the commit declares exist, and after a start until every Application
has loaded any commit. One that cannot load it (it does not render, a rollback pins it, it hangs) is not waited for: that would
stop deliveries of the others. What it may declare is left behind instead, until it has loaded the commit or a user approves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import APPLICATION

_PATIENCE_SECONDS = 60.0
_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """An Application that may declare what another one is about to delete.

    Attributes:
        application: which.
        why: it has not loaded the commit, in words that follow its name.
        lasting: it will not within a time that others can wait for.
    """

    application: AppKey
    why: str
    lasting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """The last commit that an Application loaded, or failed to load."""

    commit: str
    failed: bool


class PruneBarrier:
    """Commits that the applications have loaded; thread-safe.

    Args:
        applications: know the peers that follow the same reference of the same repository.
        claims: know the Applications that peers declare.
        clock: monotonic seconds.
    """

    def __init__(
        self, applications: ApplicationStore, claims: ClaimRegistry, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._applications, self._claims, self._clock = applications, claims, clock
        self._lock = threading.Lock()
        self._loads: dict[AppKey, _Load] = {}
        self._since: dict[AppKey, tuple[str, float]] = {}
        self._waiting: dict[AppKey, set[AppKey]] = {}

    def looked(self, application: AppKey, commit: str, *, failed: bool = False) -> frozenset[AppKey]:
        """Registers a commit that the application loaded or failed to load.

        Args:
            application: which.
            commit: empty when it knows none.
            failed: it is not known what the commit declares.

        Returns:
            The applications that waited for this one.
        """
        load = _Load(commit=commit, failed=failed)
        with self._lock:
            if self._loads.get(application) == load:
                return frozenset()
            self._loads[application] = load
            return frozenset(self._waiting.pop(application, ()))

    def behind(self, application: AppKey, commit: str) -> Absence | None:
        """An Application that has yet to load the commit, if any.

        Its `looked` will return the application. One that others can wait for goes first.
        """
        peers = self._applications.following_too(application)
        others = [other for other in self._applications.staying() if other != application]
        declared = {AppKey(key.namespace, key.name) for peer in peers for key in self._declared(peer)}
        now = self._clock()
        with self._lock:
            absences = list(self._absences(commit, peers, [*others, *sorted(declared)]))
            for absence in absences:
                self._waiting.setdefault(absence.application, set()).add(application)
            first = next((absence for absence in absences if not absence.lasting), None)
            if first is None:
                self._since.pop(application, None)
                return absences[0] if absences else None
            awaited, since = self._since.get(application, ("", now))
            if awaited != commit:
                since = now
                self._since[application] = (commit, now)
            lasting = now - since >= _PATIENCE_SECONDS
            return Absence(application=first.application, why=first.why, lasting=lasting)

    def _declared(self, peer: AppKey) -> Iterator[AppKey]:
        """The Applications that a peer declares and that do not exist yet."""
        for key in self._claims.held(peer):
            if key.group_kind == APPLICATION and not self._applications.may_exist(AppKey(key.namespace, key.name)):
                yield AppKey(key.namespace, key.name)

    def _absences(self, commit: str, peers: tuple[AppKey, ...], others: list[AppKey]) -> Iterator[Absence]:
        for peer in peers:
            load = self._loads.get(peer)
            pinned = self._applications.pinned(peer)
            if load is None or (load.commit not in (commit, "") and not pinned):
                yield Absence(application=peer, why=f"has not loaded {commit[:_SHORT]} yet", lasting=False)
            elif load.commit != commit or load.failed:
                why = f"is pinned to {load.commit[:_SHORT]} by a rollback" if pinned else f"cannot load {commit[:_SHORT]}"
                yield Absence(application=peer, why=why, lasting=True)
        for other in others:
            if other not in self._loads and other not in peers:
                yield Absence(application=other, why="has not loaded any commit yet", lasting=False)

    def forget(self, application: AppKey) -> frozenset[AppKey]:
        """Drops an application; returns those that waited for it."""
        with self._lock:
            self._loads.pop(application, None)
            self._since.pop(application, None)
            return frozenset(self._waiting.pop(application, ()))
