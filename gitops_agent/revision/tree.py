"""Read-only tree of a commit, and a render's input closure.

The closure is the reason a commit in a monorepo renders only the applications it touches: a render stays valid for every commit
in which all of the closure's paths still have the same object ids, and Git gives those ids without reading a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class EntryType(StrEnum):
    """What a path of a commit is."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A path of a commit, relative; the root is the empty string.

    Without leading or trailing slash. A file that is `decrypted` comes with plaintext, which is for no disk.
    """

    path: str
    type: EntryType
    oid: str
    size: int = 0
    executable: bool = False
    decrypted: bool = False


class Tree(Protocol):
    """One commit's files, without links out of it, filters or hooks.

    Every path is normalised first: a path that leaves the tree raises `SourceError` with reason `PathEscapes`.
    """

    @property
    def commit(self) -> str:
        """The full object name of the commit."""
        ...

    def entry(self, path: str) -> Entry | None:
        """The entry at a path, not following a final link, or None."""
        ...

    def resolve(self, path: str) -> Entry | None:
        """The file or directory behind a path's links, or None.

        The entry's `path` is the final one. Raises `SourceError` for a link that is broken, escapes or loops.
        """
        ...

    def children(self, path: str) -> tuple[Entry, ...]:
        """The direct entries of a directory, by name; empty when absent."""
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

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """Files at and below paths, with their contents.

        Links are followed, and names and sizes checked before the first is read.

        Raises:
            SourceError: more than `limit` bytes in all, an escaping link, a submodule or an LFS pointer among them.
        """
        ...


@dataclass(frozen=True, slots=True)
class Closure:
    """The paths a render read, with their object ids.

    None where a path was looked up and absent.
    """

    entries: frozenset[tuple[str, str | None]]

    def holds(self, tree: Tree) -> bool:
        """Whether every path is unchanged in `tree`: the render stays valid."""
        for path, oid in self.entries:
            entry = tree.entry(path)
            if (entry.oid if entry else None) != oid:
                return False
        return True
