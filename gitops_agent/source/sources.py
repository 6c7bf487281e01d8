"""The front of this room: repositories polled, references resolved, commits read.

A poll is the only thing that uses the network. Everything else answers from the mirror on disk, so an unreachable server
never looks like an empty repository: what was seen last stays what it was.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from gitops_agent.errors import ProcessError, SourceError
from gitops_agent.manifest.revision_name import chart_of, commit_of
from gitops_agent.revision.mounted_tree import CHART, MountedTree
from gitops_agent.revision.revision import Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.blob_reader import Reader
from gitops_agent.source.chart.chart_ref import ChartLock, ChartRef, ChartSource
from gitops_agent.source.chart.charts import Charts
from gitops_agent.source.chart.repository import ChartAccess
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.git_auth import sweep
from gitops_agent.source.history import History, describe, is_ancestor, last_change, passed, touching
from gitops_agent.source.installation_tokens import InstallationTokens
from gitops_agent.source.mirror import Mirror, Tip, key
from gitops_agent.source.paths import shown
from gitops_agent.source.poll import Move, Poll, Poller, choices
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.revision_name import HEAD, RevisionName
from gitops_agent.source.signature.commit_graph import CommitGraph
from gitops_agent.source.tree import GitTree
from gitops_agent.source.tree_index import Index
from gitops_agent.telemetry.traces import TRACES

__all__ = ["Credentials", "Move", "Poll", "Ref", "Repository", "Sources"]

_K = TypeVar("_K")
_V = TypeVar("_V")

_MOST_READERS = 8
_MOST_ENTRIES = 400_000
_MOST_COMMITS = 16
"""Commits of one repository whose paths are kept: what its Applications, branches and rollouts read at a time."""
_MOST_REVISIONS = 1000
_LONGEST_COMMIT = 1 << 20


class Sources:
    """All repositories of one agent; thread-safe.

    Args:
        cache: where mirrors are kept; may be emptied at any time.
        allow_file: whether `file://` repositories are read at all.
        timeout_seconds: how long a server may be silent; a fetch that makes progress may take twenty times as long.
    """

    def __init__(self, cache: Path, *, allow_file: bool = False, timeout_seconds: float = 60.0) -> None:
        self._cache = cache
        self._allow_file = allow_file
        self._timeout = timeout_seconds
        self._lock = threading.Lock()
        self._mirrors: dict[str, Mirror] = {}
        self._readers: OrderedDict[str, Reader] = OrderedDict()
        self._indexes: OrderedDict[tuple[str, str], tuple[Index, str]] = OrderedDict()
        self._revisions: OrderedDict[tuple[str, str, str], Revision] = OrderedDict()
        self._tokens = InstallationTokens()
        self.charts = Charts(cache / "charts")
        sweep()

    def poll(
        self,
        repository: Repository,
        refs: frozenset[Ref],
        credentials: Credentials | None = None,
        *,
        cancel: threading.Event | None = None,
        verified: frozenset[Ref] = frozenset(),
        access: ChartAccess | None = None,
        locks: Collection[ChartLock] = (),
    ) -> Poll:
        """Polls the references once, and fetches those that moved.

        Args:
            repository: which one.
            refs: every reference wanted of it; what was seen of others is kept.
            credentials: read anew by the caller for every poll; None for a public repository.
            cancel: ends the poll early when set.
            verified: ranges whose tag is chosen by signatures; the highest twenty of each are fetched.
            access: what a repository of charts is read with, in place of the credentials.
            locks: what statuses say of charts that were chosen earlier.

        Raises:
            SourceError: the repository as a whole could not be read: reason `SourceUnavailable`, `AuthenticationFailed`,
                `EmptyRepository` or `SourceFailed`, with the class of the failure as the fact `failure`. What was seen stays.
        """
        if isinstance(repository, ChartSource):
            charts = [ref for ref in refs if isinstance(ref, ChartRef)]
            return self.charts.poll(repository, charts, access or ChartAccess(url=repository.url), locks)
        mirror, start = self._readable(repository), TRACES.now()
        with self._exchanged(repository, credentials) as usable, mirror.locked(self._timeout, cancel):
            poller = Poller(mirror, usable, timeout_seconds=self._timeout, cancel=cancel, verified=verified)
            result = poller.poll(refs)
        if poller.tidied:
            self._close_reader(repository)
        TRACES.fetched(repository.url, (move.new for move in result.moved), start)
        return result

    def resolve(self, repository: Repository, ref: Ref) -> Revision:
        """The commit of a reference at the last successful poll, without network.

        Raises:
            SourceError: it was never seen, or the mirror is torn or gone; both end with the next poll.
        """
        if isinstance(repository, ChartSource) and isinstance(ref, ChartRef):
            return self.charts.resolve(repository, ref)
        mirror = self._mirror(repository)
        tip = mirror.tips().get(key(ref))
        if tip is None:
            raise SourceError(f"{repository}: {ref} has not been fetched yet", reason="SourceUnavailable", transient=True)
        return self._described(mirror, tip.commit, ref.value)

    def holds(self, repository: Repository, ref: Ref) -> bool:
        """Whether a reference was resolved by an earlier poll."""
        try:
            self.resolve(repository, ref)
        except SourceError:
            return False
        return True

    def revision(self, repository: Repository, ref: Ref, commit: str) -> Revision:
        """Another commit that is followed as this reference, without network.

        Raises:
            SourceError: it is not in the mirror.
        """
        if isinstance(repository, ChartSource) and isinstance(ref, ChartRef):
            return self.charts.revision(repository, ref, commit)
        return self._described(self._mirror(repository), commit, ref.value)

    def tags(self, repository: Repository, ref: Ref) -> tuple[Tip, ...]:
        """The tags behind a reference at the last poll, the preferred first.

        For a range those that may be chosen, for a tag itself; empty for branches and commits.
        """
        tips = self._mirror(repository).tips()
        several = choices(ref, tips) if ref.kind == "semver" else ()
        own = tips.get(key(ref)) if ref.kind in ("tag", "semver") else None
        return several or ((own,) if own is not None else ())

    def graph(self, repository: Repository) -> CommitGraph:
        """The commits of a repository that were fetched; no network."""
        mirror = self._mirror(repository)

        def read(oid: str, limit: int, type_: str) -> bytes:
            return self._read(mirror, oid, limit, type_=type_)

        return CommitGraph(mirror.directory, repository, read)

    def _described(self, mirror: Mirror, commit: str, ref: str) -> Revision:
        repository = mirror.repository
        cache_key = (repository.id, commit, ref)
        with self._lock:
            revision = _recall(self._revisions, cache_key)
        if revision is None:
            try:
                revision = describe(mirror.directory, commit, repository=repository.url, ref=ref)
            except ProcessError as error:
                mirror.suspect.set()
                raise SourceError(
                    f"{repository}: commit {commit[:12]} cannot be read: the mirror is torn or was removed; "
                    "the next poll builds it anew",
                    reason="SourceUnavailable",
                    transient=True,
                    failure="torn",
                ) from error
            with self._lock:
                self._revisions[cache_key] = revision
                while len(self._revisions) > _MOST_REVISIONS:
                    self._revisions.popitem(last=False)
        return revision

    def find(
        self, repository: Repository, name: RevisionName, *, head: Ref, credentials: Credentials | None = None
    ) -> Revision:
        """The commit that a user names, fetched.

        Args:
            repository: which one.
            name: as it was typed.
            head: what the application follows.
            credentials: None for a public repository.

        Raises:
            SourceError: as `poll`, or there is none of that name (`RevisionNotFound`).
        """
        mirror = self._readable(repository)
        with self._exchanged(repository, credentials) as usable, mirror.locked(self._timeout):
            poller = Poller(mirror, usable, timeout_seconds=self._timeout, cancel=None)
            commit = name.find(mirror, poller, head)
        return describe(mirror.directory, commit, repository=repository.url, ref=name.text if name.text != HEAD else head.value)

    def default_branch(self, repository: Repository, credentials: Credentials | None = None) -> str:
        """The branch that a clone of a repository checks out.

        Raises:
            SourceError: as `poll`, or the repository names none (`RevisionNotFound`).
        """
        mirror = self._readable(repository)
        with self._exchanged(repository, credentials) as usable, mirror.locked(self._timeout):
            return Poller(mirror, usable, timeout_seconds=self._timeout, cancel=None).default_branch()

    def tree(self, repository: Repository, commit: str, beside: ChartSource | None = None) -> Tree:
        """The files of a commit that was fetched; no network.

        Args:
            repository: which one.
            commit: the revision; where it names a chart as well, that lies below `mounted_tree.CHART`.
            beside: the repository of that chart.

        Raises:
            SourceError: the commit is not in the mirror, or the mirror is torn or gone.
        """
        if isinstance(repository, ChartSource):
            return self.charts.tree(repository, chart_of(commit))
        chart = chart_of(commit) if beside is not None else ""
        if beside is not None and chart:
            return MountedTree(self.tree(repository, commit_of(commit)), CHART, self.charts.tree(beside, chart), commit)
        commit = commit_of(commit)
        mirror = self._mirror(repository)
        read = partial(self._read, mirror)
        index, root = self._index(mirror, Ref(kind="commit", value=commit).value)
        return GitTree(commit=commit, index=index, root=root, read=read)

    def last_change(self, repository: Repository, revision: Revision, path: str, *, line: int = 0) -> Revision:
        """The commit that wrote a file or line last; no network.

        Raises:
            SourceError: reason `RevisionNotFound`: the file or line is not in the revision, or the mirror is torn.
        """
        if isinstance(repository, ChartSource):
            raise SourceError(f"{revision.short} is a chart, whose files have no history", reason="RevisionNotFound")
        directory = self._mirror(repository).directory
        try:
            commit = last_change(directory, commit_of(revision.commit), path, line=line)
            return describe(directory, commit, repository=repository.url, ref=revision.ref)
        except ProcessError as error:
            where = f"{shown(path)}:{line}" if line else shown(path)
            raise SourceError(f"{where} has no history in {revision.short}", reason="RevisionNotFound") from error

    def touching(
        self, repository: Repository, tip: Revision, paths: Collection[str], *, most: int, before: datetime | None = None
    ) -> History:
        """A page of commits that changed some paths; no network.

        Raises:
            SourceError: the tip is a chart, or not in the mirror.
        """
        if isinstance(repository, ChartSource):
            raise SourceError(f"{tip.short} is a chart, which has no history of commits", reason="RevisionNotFound")
        start = replace(tip, commit=commit_of(tip.commit))
        try:
            return touching(self._mirror(repository).directory, start, paths, most=most, before=before)
        except ProcessError as error:
            raise SourceError(f"the history of {tip.short} cannot be read", reason="RevisionNotFound") from error

    def passed(self, repository: Repository, old: str, new: str, *, most: int) -> tuple[str, ...] | None:
        """The commits of a branch between two of it; no network.

        Oldest first, without both, the newest `most` of them; None where the branch was rewritten, and nothing where commits
        are fetched without those before them.
        """
        if isinstance(repository, ChartSource) or repository.shallow:
            return ()
        try:
            return passed(self._mirror(repository).directory, old, new, most=most)
        except ProcessError:
            return ()

    def ancestor(self, repository: Repository, tip: Revision, digits: str) -> Revision | None:
        """The ancestor of a commit with these digits; no network."""
        mirror = self._mirror(repository)
        commit = mirror.commits([digits]).get(digits, "")
        if not commit or not is_ancestor(mirror.directory, commit, commit_of(tip.commit)):
            return None
        return self._described(mirror, commit, tip.ref)

    def forget(self, repository: Repository) -> None:
        """Removes everything kept of an unused repository."""
        if isinstance(repository, ChartSource):
            self.charts.forget(repository)
            return
        mirror = self._mirror(repository)
        self._tokens.forget(repository)
        with self._lock:
            self._mirrors.pop(repository.id, None)
            for cache_key in [cache_key for cache_key in self._indexes if cache_key[0] == repository.id]:
                del self._indexes[cache_key]
            for other in [other for other in self._revisions if other[0] == repository.id]:
                del self._revisions[other]
        self._close_reader(repository)
        with mirror.locked(self._timeout):
            mirror.remove()

    def _close_reader(self, repository: Repository) -> None:
        """Ends the process that reads its mirror; the next read starts another.

        git keeps every pack mapped that it has read, also one that was deleted: that costs room on the disk, and after tens of
        thousands of packs the kernel grants no mapping more.
        """
        with self._lock:
            reader = self._readers.pop(repository.id, None)
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """Ends the processes that read mirrors; nothing on disk changes."""
        with self._lock:
            readers = list(self._readers.values())
            self._readers.clear()
        for reader in readers:
            reader.close()

    @contextlib.contextmanager
    def _exchanged(self, repository: Repository, credentials: Credentials | None) -> Iterator[Credentials | None]:
        """Credentials for git; drops a token that git refuses."""
        if credentials is None or credentials.app is None:
            yield credentials
            return
        try:
            yield credentials.exchanged(self._tokens.token(repository, credentials.app, authority=credentials.ca))
        except SourceError as error:
            if error.reason == "AuthenticationFailed":
                self._tokens.forget(repository)
            raise

    def _readable(self, repository: Repository) -> Mirror:
        if repository.transport == "file" and not self._allow_file:
            raise SourceError(
                f"{repository}: file repositories are not allowed (setting source.allow_file)", reason="InvalidSpec"
            )
        return self._mirror(repository)

    def _mirror(self, repository: Repository) -> Mirror:
        with self._lock:
            if repository.id not in self._mirrors:
                self._mirrors[repository.id] = Mirror(self._cache, repository)
            return self._mirrors[repository.id]

    def _index(self, mirror: Mirror, commit: str) -> tuple[Index, str]:
        """The paths of a commit and its root tree's object name."""
        cache_key = (mirror.repository.id, commit)
        with mirror.loading:
            with self._lock:
                cached = _recall(self._indexes, cache_key)
            if cached is not None:
                return cached
            try:
                head = self._read(mirror, commit, _LONGEST_COMMIT, type_="commit")
                with self._lock:
                    others = [index for (id_, _), (index, _) in self._indexes.items() if id_ == mirror.repository.id]
                like = others[-1] if others else None
                cached = Index.load(mirror.directory, commit, like=like), head[5 : head.index(b"\n")].decode()
            except SourceError as error:
                if error.facts.get("failure") != "torn":
                    raise
                if any(tip.commit == commit for tip in mirror.tips().values()):
                    mirror.suspect.set()
                    raise
                raise SourceError(
                    f"{mirror.repository}: commit {commit[:12]} is not in the mirror", reason="RevisionNotFound", transient=True
                ) from error
            with self._lock:
                self._indexes[cache_key] = cached
                for old in [key_ for key_ in self._indexes if key_[0] == cache_key[0]][:-_MOST_COMMITS]:
                    del self._indexes[old]
                while len(self._indexes) > 1 and sum(len(index) for index, _ in self._indexes.values()) > _MOST_ENTRIES:
                    self._indexes.popitem(last=False)
            return cached

    def _read(self, mirror: Mirror, oid: str, limit: int, *, type_: str = "blob") -> bytes:
        """The content of an object, by a pooled reader."""
        while True:
            with self._lock:
                reader = self._readers.setdefault(mirror.repository.id, Reader(mirror.directory))
                self._readers.move_to_end(mirror.repository.id)
                spare = self._readers.popitem(last=False)[1] if len(self._readers) > _MOST_READERS else None
            if spare is not None:
                spare.close()
            try:
                data = reader.read(oid, type_=type_, limit=limit)
            except SourceError as error:
                if error.facts.get("failure") == "torn" and type_ == "blob":
                    mirror.suspect.set()
                raise
            if data is not None:
                return data


def _recall(cache: OrderedDict[_K, _V], key_: _K) -> _V | None:
    """The cached value, now most recently used; None when absent."""
    if key_ not in cache:
        return None
    cache.move_to_end(key_)
    return cache[key_]
