"""A tree with another one below a directory of its own.

A chart beside a commit lies where no file of the repository is read from, so one render reads values of the commit and
templates of the chart, and the closure covers both. Values of other repositories lie in such directories, too.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator

from gitops_agent.revision.tree import Entry, EntryType, Tree

CHART = ".helm-chart"
"""The directory of a chart beside a commit; a repository's own of that name is not seen."""

_VALUES = ".helm-values-"
_VALUES_FILE = re.compile(re.escape(_VALUES) + r"([0-9]{1,2})/")


def values_folder(index: int) -> str:
    """The directory of the repository that `valuesFrom[index]` names."""
    return f"{_VALUES}{index}"


def values_file(path: str) -> tuple[int, str] | None:
    """The index in `valuesFrom` and the file in that repository.

    None for a path elsewhere.
    """
    match = _VALUES_FILE.match(path)
    return (int(match[1]), path[match.end() :]) if match else None


def readable(text: str) -> str:
    """A text with fields of the spec in place of directories."""
    return _VALUES_FILE.sub(r"spec.render.helm.valuesFrom[\1]: ", text)


class MountedTree:
    """A tree that shows another one below a directory of its root.

    Args:
        tree: what everything else is read from.
        name: of the directory.
        mounted: what is read below it.
        commit: names both.
    """

    def __init__(self, tree: Tree, name: str, mounted: Tree, commit: str) -> None:
        self._tree, self._name, self._mounted, self._commit = tree, name, mounted, commit

    @property
    def commit(self) -> str:
        """The name of both."""
        return self._commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        below = self._below(path)
        if below is not None:
            return self._shown(self._mounted.entry(below))
        entry = self._tree.entry(path)
        if entry is None or entry.path:
            return entry
        return Entry(path="", type=entry.type, oid=_both(entry, self._mounted.entry("")))

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`."""
        below = self._below(path)
        return self._tree.resolve(path) if below is None else self._shown(self._mounted.resolve(below))

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree.children`."""
        below = self._below(path)
        if below is not None:
            return tuple(self._placed(entry) for entry in self._mounted.children(below))
        entries = self._tree.children(path)
        if _plain(path):
            return entries
        top = self.entry(self._name)
        others = (entry for entry in entries if entry.path != self._name)
        return tuple(sorted((*others, *((top,) if top is not None else ())), key=lambda entry: entry.path))

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree.walk`."""
        below = self._below(path)
        if below is not None:
            yield from (self._placed(entry) for entry in self._mounted.walk(below))
            return
        for entry in self._tree.walk(path):
            if self._below(entry.path) is None:
                yield entry
        if not _plain(path):
            yield from self.walk(self._name)

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree.read`."""
        below = self._below(path)
        return self._tree.read(path, limit=limit) if below is None else self._mounted.read(below, limit=limit)

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree.files`."""
        asked_for = tuple(paths)
        own = [path for path in asked_for if self._below(path) is None]
        left = limit
        for entry, data in self._tree.files(own, limit=left) if own else ():
            left -= len(data)
            yield entry, data
        mounted = [below for path in asked_for if (below := self._below(path)) is not None]
        for entry, data in self._mounted.files(mounted, limit=max(0, left)) if mounted else ():
            yield self._placed(entry), data

    def _below(self, path: str) -> str | None:
        """The path in the mounted tree; None outside of it."""
        first, _, rest = _plain(path).partition("/")
        return rest if first == self._name else None

    def _shown(self, entry: Entry | None) -> Entry | None:
        return None if entry is None else self._placed(entry)

    def _placed(self, entry: Entry) -> Entry:
        path = f"{self._name}/{entry.path}" if entry.path else self._name
        return Entry(path=path, type=entry.type, oid=entry.oid, size=entry.size, executable=entry.executable)


def _plain(path: str) -> str:
    plain = posixpath.normpath(path) if path else ""
    return "" if plain == "." else plain


def _both(entry: Entry, mounted: Entry | None) -> str:
    """The id of a root that shows two trees."""
    other = mounted.oid if mounted is not None and mounted.type is EntryType.DIRECTORY else ""
    return hashlib.sha1(f"{entry.oid} {other}".encode(), usedforsecurity=False).hexdigest()
