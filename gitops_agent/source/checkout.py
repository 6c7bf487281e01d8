"""Files of a part of a commit, checked before any is read.

Names come from any pusher, so every component is checked before anything is written, no link is ever created (a link
becomes a copy of what it leads to inside the repository), and sizes and numbers are summed up before the first byte is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry, EntryType, Tree
from gitops_agent.source.paths import normalised, shown

_MOST_FILES = 20_000
_LONGEST_NAME = 255
_LONGEST_PATH = 900  # characters, at most four bytes each: file systems take 4096 bytes


class _Contents(Tree, Protocol):
    def content(self, entry: Entry, *, limit: int) -> bytes: ...


def files(tree: _Contents, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
    """See `revision.tree.Tree.files`.

    Raises:
        SourceError: as there; also `PathEscapes` for names that cannot be written safely, and when there are too many files.
    """
    layout = _Layout(tree, limit)
    for path in paths:
        layout.add(path)
    return ((replace(entry, path=path), tree.content(entry, limit=limit)) for path, entry in layout.files.items())


class _Layout:
    """What will be written where."""

    def __init__(self, tree: Tree, limit: int) -> None:
        self.files: dict[str, Entry] = {}
        self._directories: set[str] = set()
        self._tree = tree
        self._limit = limit
        self._bytes = 0

    def add(self, path: str) -> None:
        target = normalised(path)
        entry = self._tree.resolve(target)
        if entry is None:
            raise SourceError(
                f"there is no {shown(path)} in commit {self._tree.commit[:12]}", reason="PathNotFound", path=shown(path)
            )
        for name in target.split("/") if target else ():
            _check(name, target)
        self._place(target, entry, ())

    def _place(self, target: str, entry: Entry, above: tuple[str, ...]) -> None:
        if entry.type is EntryType.LINK:
            behind = self._tree.resolve(entry.path)
            if behind is None:
                raise SourceError(f"the link {shown(target)} leads nowhere", reason="PathNotFound", path=shown(target))
            entry = behind
        if entry.type is EntryType.SUBMODULE:
            raise SourceError(
                f"{shown(target)} is a Git submodule, which is not supported", reason="SubmodulesRefused", path=shown(target)
            )
        if entry.type is EntryType.FILE:
            self._file(target, entry)
            return
        if entry.path in above:
            raise SourceError(
                f"the link {shown(target)} leads back to a directory that contains it", reason="PathEscapes", path=shown(target)
            )
        self._count(target)
        self._directories.add(target)
        for child in self._tree.children(entry.path):
            name = child.path.rpartition("/")[2]
            _check(name, f"{target}/{name}")
            self._place(f"{target}/{name}" if target else name, child, (*above, entry.path))

    def _file(self, target: str, entry: Entry) -> None:
        if target in self.files:
            return
        self._count(target)
        self._bytes += max(0, entry.size)
        if self._bytes > self._limit:
            raise SourceError(
                f"the files are larger than the {self._limit} bytes allowed; {shown(target)} has {entry.size}",
                reason="FileTooLarge",
                path=shown(target),
            )
        self.files[target] = entry

    def _count(self, target: str) -> None:
        if len(self.files) + len(self._directories) >= _MOST_FILES:
            raise SourceError(
                f"there are more than {_MOST_FILES} files up to {shown(target)}", reason="FileTooLarge", path=shown(target)
            )


def _check(name: str, path: str) -> None:
    """Refuses a name that is special to programs or file systems."""
    raw = name.encode("utf-8", "surrogateescape")
    if name in {"", ".", ".."} or name.lower() == ".git" or "\\" in name or not name.isprintable() or len(raw) > _LONGEST_NAME:
        raise SourceError(
            f"the name {name[:80]!a} in {shown(path)} cannot be written safely", reason="PathEscapes", path=shown(path)
        )
    if len(path) > _LONGEST_PATH:
        raise SourceError(
            f"the path {shown(path)} is longer than {_LONGEST_PATH} characters", reason="PathEscapes", path=shown(path)
        )
