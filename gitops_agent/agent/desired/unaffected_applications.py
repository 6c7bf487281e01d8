"""Applications that a commit leaves alone, passed over without a reconcile.

A commit of a repository with a thousand Applications touches one of them. A reconcile of each of the others would find the same
render, the same plan and a status that is not written, and the one that is touched would share the processor with all of them.

So an Application whose last reconcile left nothing to do rests. When its branch moves and all that its render read is the same,
it takes the commit over here: its render, the barrier of deletions, those that depend on it and the statuses of commits learn
so, as they would of a reconcile. Every reconcile ends the rest first, so what happens meanwhile is decided by the reconcile.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from gitops_agent.agent.desired.commit_board import ApplicationCommits
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.errors import SourceError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.revision_name import short
from gitops_agent.observe.log import logger
from gitops_agent.revision.tree import Tree
from gitops_agent.source.following import followed
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Move, Sources

_log = logger("source")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """An Application at rest: which spec, what it follows, and the commit."""

    spec: tuple[object, object]
    repository: Repository
    ref: Ref
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a moved reference means for those that follow it.

    Attributes:
        same: their renders are the same.
        passed: those of them that need no reconcile.
    """

    same: frozenset[AppKey] = frozenset()
    passed: frozenset[AppKey] = frozenset()


class UnaffectedApplications:
    """Applications at rest, and the commits that they took over; thread-safe.

    Args:
        applications: know their present specs.
        sources: have the files of commits.
        renders: know what was read.
        barrier: holds deletions back until the commit was loaded.
        board: learns where each Application stands.
        wake: wakes applications that waited for one that is passed over.
    """

    def __init__(
        self,
        applications: ApplicationStore,
        sources: Sources,
        renders: RenderPool,
        barrier: PruneBarrier,
        board: ApplicationCommits,
        *,
        wake: Wake,
    ) -> None:
        self._applications, self._sources, self._renders = applications, sources, renders
        self._barrier, self._board, self._wake = barrier, board, wake
        self._lock = threading.Lock()
        self._resting: dict[AppKey, _Rest] = {}
        self._through: dict[AppKey, tuple[str, str]] = {}

    def rest(self, application: Application, commit: str) -> None:
        """Takes an Application with a fully applied commit for at rest."""
        repository, ref = followed(application.key.namespace, application.spec.source)
        rest = _Rest(spec=_spec(application.raw), repository=repository, ref=ref, commit=commit)
        with self._lock:
            self._resting[application.key] = rest
            self._through.pop(application.key, None)

    def rouse(self, application: AppKey) -> None:
        """Ends a rest, because a reconcile begins."""
        with self._lock:
            self._resting.pop(application, None)

    def forget(self, application: AppKey) -> None:
        """Drops an application that is gone."""
        with self._lock:
            self._resting.pop(application, None)
            self._through.pop(application, None)

    def current(self, application: AppKey, applied: str) -> str:
        """The newest commit that an Application is synced to.

        Args:
            application: which.
            applied: the commit of its last reconcile.
        """
        with self._lock:
            since, through = self._through.get(application, ("", ""))
        return through if applied and since == applied else applied

    def pass_over(self, repository: Repository, move: Move, applications: Iterable[AppKey]) -> Reach:
        """Passes over the Applications at rest whose files a commit left alone.

        Args:
            repository: where a reference moved.
            move: that reference; only where a branch went forward is an Application passed over.
            applications: those that follow it.
        """
        if move.ref.kind != "branch" or not move.old or move.rewritten:
            return Reach()
        try:
            tree = self._sources.tree(repository, move.new)
        except SourceError:
            return Reach()
        same = frozenset(key for key in applications if self._holds(key, tree))
        passed = frozenset(key for key in same if self._take_over(key, repository, move))
        for key in sorted(passed):
            self._renders.advance(key, move.new)
            self._board.passed(key, move.new)
            for other in sorted(self._barrier.looked(key, move.new)):
                self._wake(other, f"{key} has checked {short(move.new)}", Priority.COMMIT)
        if passed:
            _log.info("applications untouched", repository=repository.url, commit=short(move.new), count=len(passed))
        return Reach(same=same, passed=passed)

    def _holds(self, key: AppKey, tree: Tree) -> bool:
        try:
            return self._renders.holds(key, tree)
        except SourceError:  # its reconcile says what is wrong with the files
            return False

    def _take_over(self, key: AppKey, repository: Repository, move: Move) -> bool:
        """Notes a commit; false unless the Application still rests."""
        raw = self._applications.raw(key)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            return False
        with self._lock:
            rest = self._resting.get(key)
            if rest is None or (rest.spec, rest.repository, rest.ref) != (_spec(raw), repository, move.ref):
                return False
            self._through[key] = (rest.commit, move.new)
            return True


def _spec(raw: Object) -> tuple[object, object]:
    return raw["metadata"].get("uid"), raw["metadata"].get("generation")
