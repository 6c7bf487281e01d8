"""A local folder as a tree, for uncommitted changes.

For `render PATH` and `diff --path`.

Ids are computed as Git computes them, so a closure made over a folder holds for the commit that will hold the same files.
Everything but `.git` counts, also what Git ignores.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from gitops_agent.errors import SourceError
from gitops_agent.render.paths import join
from gitops_agent.revision.tree import Entry, EntryType

_HOPS = 40
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_LONGEST = 1024


class LazyEntry(Entry):
    """An entry with a lazily computed id.

    It takes reading the file, or every file below a directory.
    """

    __slots__ = ("_id",)

    _id: Callable[[], str]

    def __init__(
        self, path: str, kind: EntryType, identify: Callable[[], str], *, size: int = 0, executable: bool = False
    ) -> None:
        facts = {"path": path, "type": kind, "size": size, "executable": executable, "_id": identify}
        for name, value in facts.items():
            object.__setattr__(self, name, value)

    @property
    def oid(self) -> str:
        """As in Git."""
        return self._id()


class WorkTree:
    """The files below a folder.

    Args:
        root: the folder; links below it may not lead out of it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._ids: dict[tuple[str, int, int, int], str] = {}

    @classmethod
    def around(cls, path: Path) -> tuple[WorkTree, str]:
        """The tree of a path's repository or folder, and its path there."""
        absolute = path.absolute()
        for parent in (absolute, *absolute.parents):
            if (parent / ".git").exists():
                return cls(parent), _normal(os.path.relpath(absolute, parent))
        return (cls(absolute), "") if absolute.is_dir() else (cls(absolute.parent), absolute.name)

    @property
    def root(self) -> Path:
        """The folder, absolute and without links."""
        return self._root

    @property
    def commit(self) -> str:
        """There is none."""
        return "worktree"

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        folder, _, name = _normal(path).rpartition("/")
        real = self._walked(folder)
        return None if real is None else self._entry(posixpath.join(real, name), f"{folder}/{name}".lstrip("/"))

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`."""
        real = self._walked(_normal(path))
        return None if real is None else self._entry(real, real)

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree.children`."""
        top = self.resolve(path)
        if top is None or top.type is not EntryType.DIRECTORY:
            return ()
        names = sorted(child.name for child in self._at(top.path).iterdir() if child.name != ".git")
        entries = (self._entry(posixpath.join(top.path, name), posixpath.join(_normal(path), name)) for name in names)
        return tuple(entry for entry in entries if entry is not None)

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree.walk`."""
        for child in self.children(path):
            if child.type is EntryType.DIRECTORY:
                yield from self.walk(child.path)
            else:
                yield child

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree.read`."""
        entry = self.resolve(path)
        if entry is None or entry.type is not EntryType.FILE:
            raise SourceError(f"{path or '.'} is no file", reason="FileNotFound", file=path)
        if entry.size > limit:
            raise SourceError(
                f"{path} holds {entry.size} bytes, more than the {limit} allowed", reason="FileTooLarge", file=path
            )
        data = self._at(entry.path).read_bytes()
        if len(data) < _LFS_LONGEST and data.startswith(_LFS):
            raise SourceError(f"{path} is a Git LFS pointer, not the file", reason="LFSRefused", file=path)
        return data

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree.files`."""
        left = limit
        pending = [_normal(path) for path in paths]
        while pending:
            path = pending.pop()
            entry = self.resolve(path)
            if entry is None:
                raise SourceError(f"{path or '.'} does not exist", reason="FileNotFound", file=path)
            if entry.type is EntryType.DIRECTORY:
                pending += [child.path for child in self.children(path)]
                continue
            data = self.read(path, limit=max(left, 0))
            left -= len(data)
            yield Entry(path=path, type=EntryType.FILE, oid="", size=len(data), executable=entry.executable), data

    def _at(self, path: str) -> Path:
        return self._root / path if path else self._root

    def _walked(self, path: str) -> str | None:
        """The path after following every link in it, or None."""
        rest = [part for part in path.split("/") if part]
        real = ""
        hops = 0
        while rest:
            step = posixpath.join(real, rest.pop(0))
            try:
                mode = self._at(step).lstat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                if hops:
                    raise SourceError(f"{path} is a link to nothing", reason="LinkBroken", file=path) from None
                return None
            if stat.S_ISLNK(mode):
                hops += 1
                if hops > _HOPS:
                    raise SourceError(f"{path} is a link in a circle", reason="LinkBroken", file=path)
                target = os.readlink(self._at(step))  # noqa: PTH115 - the text as it is: a Path would tidy it
                if target.startswith("/") or not _inside(posixpath.dirname(step), target):
                    raise SourceError(f"{path} is a link out of the repository", reason="PathEscapes", file=path)
                rest = [part for part in join(posixpath.dirname(step), target).split("/") if part] + rest
                real = ""
            else:
                real = step
        return real

    def _entry(self, real: str, shown: str) -> Entry | None:
        path = self._at(real)
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISDIR(status.st_mode):
            return LazyEntry(shown, EntryType.DIRECTORY, lambda: self._directory_id(real))
        executable = bool(status.st_mode & 0o100) and not stat.S_ISLNK(status.st_mode)
        kind = EntryType.LINK if stat.S_ISLNK(status.st_mode) else EntryType.FILE
        if not stat.S_ISREG(status.st_mode) and kind is EntryType.FILE:
            return None
        return LazyEntry(shown, kind, lambda: self._blob_id(path, status), size=status.st_size, executable=executable)

    def _blob_id(self, path: Path, status: os.stat_result) -> str:
        key = (str(path), status.st_mtime_ns, status.st_size, status.st_ino)
        if key not in self._ids:
            if stat.S_ISLNK(status.st_mode):
                self._ids[key] = _object_id(b"blob", os.fsencode(os.readlink(path)))  # noqa: PTH115 - likewise
            else:
                with path.open("rb") as file:
                    start = hashlib.sha1(b"blob %d\0" % status.st_size, usedforsecurity=False)
                    self._ids[key] = hashlib.file_digest(file, lambda: start).hexdigest()
        return self._ids[key]

    def _directory_id(self, real: str) -> str:
        """The id of Git's tree object; it leaves out empty directories."""
        rows: list[tuple[bytes, bytes]] = []
        for name in (path.name for path in self._at(real).iterdir()):
            entry = self._entry(posixpath.join(real, name), name) if name != ".git" else None
            if entry is None or (entry.type is EntryType.DIRECTORY and entry.oid == _EMPTY):
                continue
            folder = entry.type is EntryType.DIRECTORY
            mode = (
                b"40000"
                if folder
                else b"120000"
                if entry.type is EntryType.LINK
                else b"100755"
                if entry.executable
                else b"100644"
            )
            encoded = os.fsencode(name)
            rows.append((encoded + b"/" if folder else encoded, mode + b" " + encoded + b"\0" + bytes.fromhex(entry.oid)))
        return _object_id(b"tree", b"".join(row for _, row in sorted(rows)))


def _normal(path: str) -> str:
    if not _inside("", path):
        raise SourceError(f"the path {path[:200]!r} leads out of the folder", reason="PathEscapes")
    normal = posixpath.normpath(path)
    return "" if normal == "." else normal


def _inside(folder: str, path: str) -> bool:
    depth = 0
    for part in [*folder.split("/"), *path.split("/")]:
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            return False
    return not path.startswith("/") and "\0" not in path


def blob_id(data: bytes) -> str:
    """The id of a file with this content."""
    return _object_id(b"blob", data)


def _object_id(kind: bytes, data: bytes) -> str:
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


_EMPTY = _object_id(b"tree", b"")
