"""A read-only view of one commit, and the input closure: exactly what a render read of it.

The closure is the reason a commit in a monorepo renders only the applications it touches: a render stays valid for every commit
in which all of the closure's paths still have the same object ids, and Git gives those ids without reading a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class EntryType(StrEnum):
    """What a path of a commit is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One path of a commit: `path` is relative to the root, without leading or trailing slash; the root is the empty string."""

    path: str
    type: EntryType
    oid: str
    size: int = 0
    executable: bool = False


class Tree(Protocol):
    """One commit's files. Implementations follow no link out of the tree and run no filter or hook.

    Every path is normalised first: a path that leaves the tree raises `SourceError` with reason `PathEscapes`.
    """

    @property
    def commit(self) -> str:
        """The full object name of the commit."""
        ...

    def entry(self, path: str) -> Entry | None:
        """The entry at a path, not following a link at its end; None when there is none."""
        ...

    def resolve(self, path: str) -> Entry | None:
        """The file or directory at a path after following links inside the tree; None when there is none.

        The entry's `path` is the final one. Raises `SourceError` for a link that is broken, escapes or loops.
        """
        ...

    def children(self, path: str) -> tuple[Entry, ...]:
        """The direct entries of a directory, by name; empty when there is none."""
        ...

    def walk(self, path: str) -> Iterator[Entry]:
        """Every file, link and submodule below a directory, by path."""
        ...

    def read(self, path: str, *, limit: int) -> bytes:
        """The content of a file (links inside the tree are followed).

        Raises:
            SourceError: there is no such file, it is larger than `limit` bytes, or it is a Git LFS pointer.
        """
        ...

    def materialise(self, paths: Iterable[str], into: Path, *, limit: int) -> None:
        """Writes the named files and directories below `into`, at their own paths; links become copies of what they point at.

        Raises:
            SourceError: more than `limit` bytes in all, an escaping link, a submodule or an LFS pointer among them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Closure:
    """What a render read: each path with the object id it had, or None where it was looked for and not there."""

    entries: frozenset[tuple[str, str | None]]

    def holds(self, tree: Tree) -> bool:
        """Whether every path still has the same id in `tree`, so that the render is still valid."""
        for path, oid in self.entries:
            entry = tree.entry(path)
            if (entry.oid if entry else None) != oid:
                return False
        return True
