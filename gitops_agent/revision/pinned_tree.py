"""A tree that shows other trees below a reserved folder.

They are pinned: a name in that folder says for good what lies below it. They are looked up when they are read, so a render
takes what it needs and nothing is mounted in advance. What is not there yet is absent: the render says so, and the mounts know
what was looked for. Listings of the commit stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry, EntryType, Tree


class Pinned(Protocol):
    """What never changes."""

    @property
    def path(self) -> str:
        """Where a tree shows its root."""


_P = TypeVar("_P", bound=Pinned)
_A_contra = TypeVar("_A_contra", contravariant=True)


class Mounts(Protocol[_A_contra]):
    """The trees that a tree shows."""

    def tree(self, pinned: _A_contra, /) -> Tree | None:
        """The files of one; None while they are not there."""


@dataclass(frozen=True, slots=True)
class Reserved(Generic[_P]):
    """A reserved folder.

    Attributes:
        folder: its name.
        locate: what a path lies in, and the path inside it; None for other paths.
    """

    folder: str
    locate: Callable[[str], tuple[_P, str] | None]

    @property
    def entry(self) -> Entry:
        """The folder itself."""
        return Entry(path=self.folder, type=EntryType.DIRECTORY, oid="")


class PinnedTree(Generic[_P]):
    """A tree with mounts.

    Args:
        tree: the commit.
        reserved: where it shows them.
        mounts: what it shows there.
    """

    def __init__(self, tree: Tree, reserved: Reserved[_P], mounts: Mounts[_P]) -> None:
        self._tree, self._reserved, self._mounts = tree, reserved, mounts

    @property
    def commit(self) -> str:
        """See `Tree.commit`."""
        return self._tree.commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        if path == self._reserved.folder:
            return self._reserved.entry
        root, tree, inside = self._at(path)
        entry = tree.entry(inside) if tree is not None else None
        return _below(root, entry) if entry is not None else None

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`."""
        if path == self._reserved.folder:
            return self._reserved.entry
        root, tree, inside = self._at(path)
        entry = tree.resolve(inside) if tree is not None else None
        return _below(root, entry) if entry is not None else None

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree.children`."""
        root, tree, inside = self._at(path)
        return tuple(_below(root, entry) for entry in tree.children(inside)) if tree is not None else ()

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree.walk`."""
        root, tree, inside = self._at(path)
        return (_below(root, entry) for entry in tree.walk(inside)) if tree is not None else iter(())

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree.read`."""
        _, tree, inside = self._at(path)
        if tree is None:
            raise _absent(path)
        return tree.read(inside, limit=limit)

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree.files`."""
        groups: dict[str, tuple[Tree | None, list[str]]] = {}
        for path in paths:
            root, tree, inside = self._at(path)
            groups.setdefault(root, (tree, []))[1].append(inside)
        left = limit
        for root, (tree, inside_paths) in groups.items():
            if tree is None:
                raise _absent(root)
            for entry, data in tree.files(inside_paths, limit=max(left, 0)):
                left -= len(data)
                yield _below(root, entry), data

    def _at(self, path: str) -> tuple[str, Tree | None, str]:
        """The root and the tree of a path, and the path inside."""
        located = self._reserved.locate(path)
        if located is None:
            return "", self._tree, path
        pinned, inside = located
        return pinned.path, self._mounts.tree(pinned), inside


def _below(root: str, entry: Entry) -> Entry:
    return replace(entry, path=f"{root}/{entry.path}" if entry.path else root) if root else entry


def _absent(path: str) -> SourceError:
    return SourceError(f"{path} does not exist", reason="FileNotFound", file=path)
