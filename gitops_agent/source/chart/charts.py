"""Charts of all repositories: polled, chosen, downloaded, and read from disk.

A poll alone uses the network. It reads an index, chooses a version for every reference, and keeps the archive of what it chose
under its own digest, which is checked again whenever it is read. What was chosen stays until a later poll chooses otherwise, so
a repository that is down, or lists nothing any more, changes nothing. A version with another content than before is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import digest_of, short, version_of
from gitops_agent.revision.revision import ChartRevision, Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.chart.archive import ChartFile, unpack
from gitops_agent.source.chart.chart_ref import ChartLock, ChartRef, ChartSource
from gitops_agent.source.chart.chart_tree import ChartTree
from gitops_agent.source.chart.index_cache import IndexCache, disk_error, replace_file
from gitops_agent.source.chart.provenance import Proofs
from gitops_agent.source.chart.repositories import ChartRepositories
from gitops_agent.source.chart.repository import ChartAccess, ChartRepository
from gitops_agent.source.chart.resolution import ChartTip, Resolution, archive_path
from gitops_agent.source.poll import Move, Poll
from gitops_agent.source.ref import Ref
from gitops_agent.source.semver import Version

_TIPS = "tips.json"
_WHOLE = ("SourceUnavailable", "AuthenticationFailed", "SourceFailed")
"""Errors that say something about a repository, when nothing of it can be read."""
_REFUSED = "Unverified"
_MOST_ARCHIVES = 30
"""Of versions of a repository that are followed no more: what histories and rollouts lead back to."""
_MOST_ONCE = 100
"""Choices for good that are kept: after a restart, renders ask for them later than the first poll."""
_FOR, _ACCEPTED = " for ", " accepted "
_MOST_TREES = 16
_MOST_BYTES = 64 * 1024 * 1024
"""Of unpacked files that are kept in memory."""


@dataclass(slots=True)
class _Kept:
    """What is kept of one repository."""

    cache: IndexCache
    tips: dict[str, ChartTip] | None = None
    begun: set[str] = field(default_factory=set)
    """References that were polled by this process."""
    missing: dict[str, SourceError | None] = field(default_factory=dict)
    """Other revisions that are needed, and why they could not be had."""
    polling: threading.Lock = field(default_factory=threading.Lock)
    reading: threading.Lock = field(default_factory=threading.Lock)
    """Held while the tips are read from disk: a poll and a reconcile begin together after a restart."""


class Charts:
    """All chart repositories of one agent; thread-safe.

    Args:
        folder: where indexes and archives are kept; may be emptied at any time.
        open_repository: opens a repository for one poll.
    """

    def __init__(
        self, folder: Path, open_repository: Callable[[ChartAccess, IndexCache], ChartRepository] | None = None
    ) -> None:
        self._folder, self._open = folder, open_repository or ChartRepositories().opened
        self._proofs = Proofs()
        self._lock = threading.Lock()
        self._repositories: dict[str, _Kept] = {}
        self._files: OrderedDict[tuple[str, str], Mapping[str, ChartFile]] = OrderedDict()

    def poll(self, source: ChartSource, refs: Iterable[ChartRef], access: ChartAccess, locks: Iterable[ChartLock] = ()) -> Poll:
        """Chooses a version for every reference, and downloads what is new.

        Args:
            source: which repository.
            refs: every reference wanted of it.
            access: its credentials, read anew for every poll.
            locks: what statuses say of earlier choices; one that was never polled by this process stays as it was.

        Raises:
            SourceError: the repository as a whole cannot be read; what was chosen stays.
        """
        kept = self._kept(source)
        with kept.polling:
            before = dict(self._tips(source, kept))
            recorded = sorted([*locks, *(_lock(*named) for named in before.items())], key=lambda lock: lock.resolved_at)
            resolution = Resolution(access, self._open(access, kept.cache), self._place(source), self._proofs)
            tips: dict[ChartRef, ChartTip] = {}
            errors: dict[Ref, SourceError] = {}
            ordered = sorted(refs, key=str)
            for ref in ordered:
                own = before.get(_key(ref))
                earlier = [own.lock(ref.version)] if own is not None else []
                earlier += [
                    lock for lock in reversed(recorded) if lock.name == ref.name and (ref.accepted or not lock.accepted)
                ]
                try:
                    stays = ref.once != "" or _key(ref) not in kept.begun
                    tips[ref] = resolution.resolve(ref, own, earlier, stays=stays)
                    kept.begun.add(_key(ref))
                except SourceError as error:
                    errors[ref] = error
                    if (
                        error.reason == _REFUSED and not error.transient
                    ):  # the present version is not signed; a newer one may be
                        kept.begun.add(_key(ref))
            for revision in tuple(kept.missing):
                kept.missing[revision] = _failure(resolution, revision)
            if not tips and any(error.reason in _WHOLE for error in errors.values()):
                raise next(error for error in errors.values() if error.reason in _WHOLE)
            failed = ((ref, self._tip(before, ref)) for ref in ordered if ref in errors)
            after = {_key(ref): tip for ref, tip in failed if tip is not None} | _once(before)
            after |= {_key(ref): tip for ref, tip in tips.items()}
            if after != before:
                self._record(source, kept, after)
            moved = tuple(
                Move(ref=ref, old=old.revision if old is not None else "", new=tip.revision)
                for ref, tip in tips.items()
                if (old := self._tip(before, ref)) is None or old.revision != tip.revision
            )
        revisions: dict[Ref, str] = {ref: tip.revision for ref, tip in tips.items()}
        return Poll(tips=revisions, names={ref: tip.version for ref, tip in tips.items()}, moved=moved, errors=errors)

    def resolve(self, source: ChartSource, ref: ChartRef) -> Revision:
        """What a reference was resolved to at the last poll, without network.

        Raises:
            SourceError: it was never resolved.
        """
        tip = self._tip(self._tips(source, self._kept(source)), ref)
        if tip is None or not self._archive(source, tip.digest).is_file():
            raise SourceError(f"{source}: {ref} has not been fetched yet", reason="SourceUnavailable", transient=True)
        warnings = []
        if tip.deprecated:
            warnings.append(f"the chart {tip.name} {tip.version} is deprecated by its authors")
        if not tip.vouched:
            text = f"{source} names no digest of {tip.name} {tip.version}: what was downloaded first is kept"
            warnings.append(text)
        return _revision(source, ref, tip, tuple(warnings))

    def revision(self, source: ChartSource, ref: ChartRef, revision: str) -> Revision:
        """Another version that was downloaded as the same reference.

        Raises:
            SourceError: its archive is not there.
        """
        tip = self._tip(self._tips(source, self._kept(source)), ref)
        if tip is not None and tip.revision == revision:
            return self.resolve(source, ref)
        self._require(source, revision)
        return Revision(repository=source.url, ref=ref.value, commit=revision, subject=short(revision))

    def find(self, source: ChartSource, ref: ChartRef, access: ChartAccess, version: str = "") -> Revision:
        """What a reference, or the version that a user names, is now.

        Args:
            source: which repository.
            ref: what the application follows.
            access: the credentials.
            version: as a user names it, such as `6.5.4` or `podinfo-6.5.4`; empty for the reference itself.

        Raises:
            SourceError: there is none, or the repository cannot be read.
        """
        revision, _, digest = version.partition("@")
        plain = revision.removeprefix(f"{ref.name}-")
        named_ref = replace(ref, version=plain, digest=digest) if version else ref
        result = self.poll(source, [named_ref], access)
        if named_ref in result.errors:
            raise result.errors[named_ref]
        return self.resolve(source, named_ref)

    def require(self, source: ChartSource, revision: str) -> bool:
        """Whether a version was downloaded; the next poll downloads a missing one.

        Raises:
            SourceError: the last poll could not.
        """
        kept = self._kept(source)
        if self._archive(source, digest_of(revision)).is_file():
            kept.missing.pop(revision, None)
            return True
        error = kept.missing.setdefault(revision, None)
        if error is not None:
            raise error
        return False

    def tree(self, source: ChartSource, revision: str) -> Tree:
        """The files of a version that was downloaded; no network."""
        return ChartTree(revision, partial(self._load, source, revision))

    def forget(self, source: ChartSource) -> None:
        """Removes everything kept of a repository without users."""
        with self._lock:
            self._repositories.pop(source.id, None)
            for key in [key for key in self._files if key[0] == source.id]:
                del self._files[key]
        shutil.rmtree(self._place(source), ignore_errors=True)

    @staticmethod
    def _tip(tips: Mapping[str, ChartTip], ref: ChartRef) -> ChartTip | None:
        """What a reference was resolved to, also before an acceptance."""
        return tips.get(_key(ref)) or (tips.get(_key(replace(ref, accepted=""))) if ref.accepted else None)

    def _kept(self, source: ChartSource) -> _Kept:
        with self._lock:
            if source.id not in self._repositories:
                self._repositories[source.id] = _Kept(cache=IndexCache(self._place(source)))
            return self._repositories[source.id]

    def _place(self, source: ChartSource) -> Path:
        return self._folder / source.id

    def _archive(self, source: ChartSource, digest: str) -> Path:
        return archive_path(self._place(source), digest)

    def _tips(self, source: ChartSource, kept: _Kept) -> dict[str, ChartTip]:
        with kept.reading:
            if kept.tips is None:
                tips: dict[str, ChartTip] = {}
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                    rows = json.loads((self._place(source) / _TIPS).read_bytes())
                    tips = {str(name): ChartTip.from_json(row) for name, row in rows.items()}
                kept.tips = tips
            return kept.tips

    def _record(self, source: ChartSource, kept: _Kept, tips: dict[str, ChartTip]) -> None:
        try:
            replace_file(self._place(source) / _TIPS, json.dumps({name: tip.to_json() for name, tip in tips.items()}).encode())
        except OSError as error:
            raise disk_error(error) from error
        kept.tips = tips
        self._prune(source, {tip.digest for tip in tips.values()})

    def _prune(self, source: ChartSource, followed: Collection[str]) -> None:
        """Drops the oldest archives; one that is needed again is downloaded again."""
        with contextlib.suppress(OSError):
            used = {self._archive(source, digest) for digest in followed}
            others = [path for path in self._place(source).glob("*.tgz") if path not in used]
            for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[_MOST_ARCHIVES:]:
                path.unlink()

    def _require(self, source: ChartSource, revision: str) -> None:
        if not self._archive(source, digest_of(revision)).is_file():
            text = f"{source}: {short(revision)} is not in the cache of charts"
            raise SourceError(text, reason="RevisionNotFound", transient=True)

    def _load(self, source: ChartSource, revision: str) -> Mapping[str, ChartFile]:
        """The files of a version, from memory or disk."""
        key = (source.id, revision)
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
                return self._files[key]
        self._require(source, revision)
        digest = digest_of(revision)
        path = self._archive(source, digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise disk_error(error) from error
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            path.unlink(missing_ok=True)
            text = f"{source}: the archive of {short(revision)} was changed on disk; the next poll downloads it anew"
            raise SourceError(text, reason="SourceUnavailable", transient=True, failure="torn")
        files = unpack(data, _name_of(revision))
        with self._lock:
            self._files[key] = files
            while len(self._files) > 1 and (len(self._files) > _MOST_TREES or self._bytes() > _MOST_BYTES):
                self._files.popitem(last=False)
        return files

    def _bytes(self) -> int:
        return sum(len(file.data) for files in self._files.values() for file in files.values())


def _key(ref: Ref) -> str:
    """How a reference is called in the cache."""
    digest = ref.digest if isinstance(ref, ChartRef) else ""
    signers = f" signed by {ref.signers}" if isinstance(ref, ChartRef) and ref.signers is not None else ""
    once = f"{_FOR}{ref.once}" if isinstance(ref, ChartRef) and ref.once else ""
    accepted = f"{_ACCEPTED}{ref.accepted}" if isinstance(ref, ChartRef) and ref.accepted else ""
    return (f"{ref.value}@{digest}" if digest else ref.value) + signers + once + accepted


def _lock(key: str, tip: ChartTip) -> ChartLock:
    """What a tip says of its version to other references."""
    return replace(tip.lock(""), accepted=key.endswith(f"{_ACCEPTED}{tip.version}@{tip.digest}"))


def _once(tips: Mapping[str, ChartTip]) -> dict[str, ChartTip]:
    """The newest choices for good."""
    names = sorted((name for name in tips if _FOR in name), key=lambda name: tips[name].resolved_at)
    return {name: tips[name] for name in names[-_MOST_ONCE:]}


def _name_of(revision: str) -> str:
    """The chart in a revision: what stands before the first version."""
    text = revision.partition("@")[0]
    dashes = [index for index, letter in enumerate(text) if letter == "-"]
    return next((text[:index] for index in dashes if Version.parse(text[index + 1 :]) is not None), text)


def _failure(resolution: Resolution, revision: str) -> SourceError | None:
    """Downloads the version of a revision; why that failed, if it did."""
    name = _name_of(revision)
    try:
        version = version_of(revision, name)
        resolution.resolve(ChartRef(name=name, version=version, digest=digest_of(revision)), None, (), stays=False)
    except SourceError as error:
        text = f"{short(revision)} cannot be had any more: {error}"
        return SourceError(text, reason=error.reason, transient=True)
    return None


def _revision(source: ChartSource, ref: ChartRef, tip: ChartTip, warnings: tuple[str, ...]) -> Revision:
    chart = ChartRevision(
        repository=source.url,
        name=tip.name,
        version=tip.version,
        digest=tip.digest,
        range=ref.version,
        resolved_at=tip.resolved_at,
        warnings=warnings,
    )
    return Revision(
        repository=source.url,
        ref=ref.value,
        commit=tip.revision,
        subject=f"{tip.name} {tip.version}",
        committed_at=tip.created,
        chart=chart,
    )
