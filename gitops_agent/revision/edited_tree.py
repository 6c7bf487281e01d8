"""A tree in which one file has another content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry, Tree


class EditedTree:
    """A tree with one file exchanged.

    Args:
        tree: what everything else is read from.
        path: of the file, after links.
        data: its content.
    """

    def __init__(self, tree: Tree, path: str, data: bytes) -> None:
        self._tree, self._path, self._data = tree, path, data
        self._oid = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    @property
    def commit(self) -> str:
        """See `Tree`."""
        return self._tree.commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree`."""
        return self._edited(self._tree.entry(path))

    def resolve(self, path: str) -> Entry | None:
        """See `Tree`."""
        return self._edited(self._tree.resolve(path))

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree`."""
        return tuple(self._exchanged(entry) for entry in self._tree.children(path))

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree`."""
        return (self._exchanged(entry) for entry in self._tree.walk(path))

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree`."""
        entry = self._tree.resolve(path)
        if entry is None or entry.path != self._path:
            return self._tree.read(path, limit=limit)
        if len(self._data) > limit:
            raise SourceError(f"{path} is larger than {limit} bytes", reason="FileTooLarge", path=path)
        return self._data

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree`."""
        for entry, data in self._tree.files(paths, limit=limit):
            target = self._tree.resolve(entry.path)
            edited = target is not None and target.path == self._path
            yield (self._exchanged(entry), self._data) if edited else (entry, data)

    def _edited(self, entry: Entry | None) -> Entry | None:
        return None if entry is None else self._exchanged(entry)

    def _exchanged(self, entry: Entry) -> Entry:
        if entry.path != self._path:
            return entry
        return replace(
            Entry(path=entry.path, type=entry.type, oid=self._oid), size=len(self._data), executable=entry.executable
        )
