"""A commit's tree that shows other repositories below a reserved folder.

They are looked up when they are read, so a render takes what it needs and nothing is mounted in advance. What is not there yet
is absent: the render says so, and the mounts know what was looked for. Listings of the commit stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from gitops_agent.errors import SourceError
from gitops_agent.revision.remote_base import FOLDER, RemoteBase, base_of
from gitops_agent.revision.tree import Entry, EntryType, Tree

_FOLDER = Entry(path=FOLDER, type=EntryType.DIRECTORY, oid="")


class Mounts(Protocol):
    """The repositories that a tree shows."""

    def tree(self, base: RemoteBase) -> Tree | None:
        """The files of a base; None while they are not there."""


class RemoteBasesTree:
    """A tree with mounts.

    Args:
        tree: the commit.
        mounts: what it shows below the reserved folder.
    """

    def __init__(self, tree: Tree, mounts: Mounts) -> None:
        self._tree, self._mounts = tree, mounts

    @property
    def commit(self) -> str:
        """See `Tree.commit`."""
        return self._tree.commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        if path == FOLDER:
            return _FOLDER
        root, tree, inside = self._at(path)
        entry = tree.entry(inside) if tree is not None else None
        return _below(root, entry) if entry is not None else None

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`."""
        if path == FOLDER:
            return _FOLDER
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
        located = base_of(path)
        if located is None:
            return "", self._tree, path
        base, inside = located
        return base.path, self._mounts.tree(base), inside


def _below(root: str, entry: Entry) -> Entry:
    return replace(entry, path=f"{root}/{entry.path}" if entry.path else root) if root else entry


def _absent(path: str) -> SourceError:
    return SourceError(f"{path} does not exist", reason="FileNotFound", file=path)
