"""Bare mirror of a repository, per URL and secret, in a cache.

The cache may vanish or be torn at any time.

Decisions:
- Whole histories of the wanted references, not shallow ones: only they distinguish a rewritten branch from a moved one,
  and the lost commits be counted. A thousand commits of manifests are a few megabytes, once. Blobless clones fetch file by file
  when read.
- References are kept under the hash of their name. A branch `a` that makes room for `a/b`, or a hostile name, is then no
  problem.
- Nothing is pruned, so commits that a force-push removed stay readable; `tidy` folds many small packs into few.
- What was last seen stands in `tips.json` beside the objects and is replaced as a whole, so it is never newer than the
  objects.
- Writers hold a lock on a file beside the directory, which also keeps other processes out; readers need none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gitops_agent.errors import ProcessError, SourceError
from gitops_agent.file_lock import Busy, FileLock
from gitops_agent.process import Limits
from gitops_agent.source import git
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository

_STATE = "tips.json"
_MANY_PACKS = 40
_TRY_SECONDS = 0.05
_TORN_SECONDS = 3600.0
_LOCAL = Limits(seconds=120.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The full name and commit of a reference when last polled.

    Attributes:
        name: such as `refs/tags/v1`.
        commit: which it leads to.
        object: what it points at itself: for an annotated tag its object; empty where that was never noted.
    """

    name: str
    commit: str
    object: str = ""


class Mirror:
    """Mirror of one repository on disk.

    Methods that change it must be called inside `with mirror.locked(…)`.
    """

    def __init__(self, cache: Path, repository: Repository) -> None:
        self.repository = repository
        self.directory = cache / f"{repository.id}.git"
        self._lock = threading.RLock()
        self._lock_file = cache / f"{repository.id}.lock"
        self._known: tuple[int, dict[str, Tip]] = (0, {})
        self.loading = threading.Lock()
        """Held while a commit is listed, so that many readers of one commit list it once."""
        self.suspect = threading.Event()
        """Set by a reader that met a torn object; the next poll builds the mirror anew."""
        self.dead_ends: dict[str, tuple[str, SourceError]] = {}
        """References that cannot be had, and what was advertised then: no use in trying again before that changes."""

    @contextlib.contextmanager
    def locked(self, seconds: float, cancel: threading.Event | None = None) -> Iterator[None]:
        """Keeps other threads and processes from changing the mirror.

        Raises:
            SourceError: transient, when it is not free within `seconds`.
        """
        deadline = time.monotonic() + seconds
        pause = cancel or threading.Event()
        if not self._lock.acquire(timeout=seconds):
            raise self._busy()
        try:
            with self._file_lock(deadline, pause):
                yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _file_lock(self, deadline: float, pause: threading.Event) -> Iterator[None]:
        lock = FileLock(self._lock_file, wait=False)
        while True:
            try:
                lock.acquire()
                break
            except Busy:
                if time.monotonic() > deadline or pause.wait(_TRY_SECONDS):
                    raise self._busy() from None
            except OSError as error:
                raise self.disk(error) from error
        try:
            yield
        finally:
            lock.release()

    def prepare(self, object_format: str = "sha1") -> None:
        """Creates the bare repository unless a sound one exists.

        Only the agent's user may read the folder of the mirrors: they may be private.
        """
        with contextlib.suppress(OSError):
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self.directory.parent.chmod(0o700)
        with contextlib.suppress(OSError):
            config = (self.directory / "config").read_text()
            whole = (self.directory / "HEAD").is_file() and (self.directory / "objects").is_dir()
            if whole and ("sha256" in config) == (object_format == "sha256"):
                return
        self.build(object_format)

    def build(self, object_format: str = "sha1") -> None:
        """Creates an empty bare repository in place of any existing one."""
        fresh = self.directory.with_suffix(f".{os.getpid()}.new")
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            git.run(
                fresh,
                "init",
                "--bare",
                "--quiet",
                "--template=",
                "--initial-branch=main",
                f"--object-format={object_format}",
                limits=_LOCAL,
            )
            self.remove()
            fresh.rename(self.directory)
        except OSError as error:
            raise self.disk(error) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self.suspect.clear()
        self.dead_ends.clear()

    def remove(self) -> None:
        """Throws the objects away, in one step for those who look."""
        gone = self.directory.with_suffix(f".{os.getpid()}.old")
        shutil.rmtree(gone, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            self.directory.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def torn(self) -> bool:
        """Whether objects that the kept references lead to are missing or damaged."""
        try:
            git.run(self.directory, "rev-list", "--objects", "--quiet", "--all", limits=_LOCAL)
        except ProcessError as error:
            return error.cause == "exit"
        return False

    def unlock(self) -> None:
        """Removes lock files and half packs of a killed git.

        Only sound while the mirror is locked.
        """
        for file in (*self.directory.glob("*.lock"), *self.directory.glob("refs/**/*.lock")):
            file.unlink(missing_ok=True)
        for file in self.directory.glob("objects/pack/tmp_*"):
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > _TORN_SECONDS:
                    file.unlink()

    def tips(self) -> dict[str, Tip]:
        """What was last seen, by `str(Ref)`; empty when nothing ever was."""
        try:
            stamp = (self.directory / _STATE).stat().st_mtime_ns
            if stamp != self._known[0]:
                document = json.loads((self.directory / _STATE).read_bytes())
                self._known = (stamp, {ref: Tip(**tip) for ref, tip in document.items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return self._known[1]

    def record(self, tips: Mapping[str, Tip]) -> None:
        """Replaces what was last seen."""
        try:
            fresh = self.directory / f"{_STATE}.{os.getpid()}"
            fresh.write_text(json.dumps({ref: asdict(tip) for ref, tip in tips.items()}, indent=1))
            fresh.replace(self.directory / _STATE)
        except OSError as error:
            raise self.disk(error) from error

    def commits(self, names: Sequence[str]) -> dict[str, str]:
        """The commits that names or references peel to; others are omitted."""
        names_in = "".join(f"{name}^{{commit}}\n" for name in names)
        answer = git.run(
            self.directory, "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=names_in.encode(), limits=_LOCAL
        )
        lines = answer.stdout.decode("utf-8", "replace").splitlines()
        return {name: line[: -len(" commit")] for name, line in zip(names, lines, strict=False) if line.endswith(" commit")}

    def tidy(self) -> bool:
        """Folds small packs into larger ones once there are many; loses nothing.

        Returns:
            Whether packs were replaced; a process that has read them holds the old ones.
        """
        if len(list(self.directory.glob("objects/pack/*.pack"))) <= _MANY_PACKS:
            return False
        self.unlock()
        git.run(self.directory, "-c", "pack.threads=1", "repack", "-d", "-q", "--geometric=2", limits=Limits(seconds=600.0))
        return True

    def disk(self, error: OSError) -> SourceError:
        """The error for a cache that cannot be used."""
        return SourceError(f"{self.repository}: the cache cannot be written: {error.strerror}", transient=True, failure="disk")

    def _busy(self) -> SourceError:
        return SourceError(
            f"{self.repository}: another poll of it has not ended yet",
            reason="SourceUnavailable",
            transient=True,
            failure="busy",
        )


def stored(name: str) -> str:
    """The mirror's own reference for a repository's reference or a commit."""
    return f"refs/fetched/{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}"


def choice_key(ref: Ref, number: int) -> str:
    """How `tips.json` calls one of the tags that a range may choose."""
    return f"choice:{ref.value}:{number}"


def key(ref: Ref) -> str:
    """How `tips.json` calls a reference."""
    return f"{ref.kind}:{ref.value}"
