"""A packed chart as a tree, like that of a commit.

Renders treat both alike. The chart's own directory is the root.
Object ids are those of Git for files, so a render's closure holds for another version that
left the files alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry, EntryType
from gitops_agent.source.chart.archive import ChartFile
from gitops_agent.source.paths import normalised, shown


class ChartTree:
    """Tree of a chart's version; implements `revision.tree.Tree`.

    Args:
        commit: the revision's name.
        load: gives the files; called at the first use.
    """

    def __init__(self, commit: str, load: Callable[[], Mapping[str, ChartFile]]) -> None:
        self._commit, self._load = commit, load
        self._files: Mapping[str, ChartFile] = {}
        self._entries: dict[str, Entry] = {}
        self._children: dict[str, list[str]] = {}

    @property
    def commit(self) -> str:
        """The name of the revision."""
        return self._commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        return self._known().get(normalised(path))

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`; charts have no links."""
        return self.entry(path)

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree.children`."""
        entries = self._known()
        return tuple(entries[name] for name in self._children.get(normalised(path), ()))

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree.walk`."""
        pending = list(reversed(self.children(path)))
        while pending:
            entry = pending.pop()
            if entry.type is EntryType.FILE:
                yield entry
            else:
                pending.extend(reversed(self.children(entry.path)))

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree.read`."""
        entry = self.entry(path)
        if entry is None or entry.type is not EntryType.FILE:
            raise SourceError(f"there is no file {shown(path)} in {self._name}", reason="PathNotFound", path=shown(path))
        if entry.size > limit:
            text = f"{shown(path)} has {entry.size} bytes, more than the {limit} allowed"
            raise SourceError(text, reason="FileTooLarge", path=shown(path))
        return self._files[entry.path].data

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree.files`."""
        result: dict[str, Entry] = {}
        for path in paths:
            entry = self.entry(path)
            if entry is None:
                raise SourceError(f"there is no {shown(path)} in {self._name}", reason="PathNotFound", path=shown(path))
            result |= {each.path: each for each in ([entry] if entry.type is EntryType.FILE else self.walk(path))}
        if sum(entry.size for entry in result.values()) > limit:
            raise SourceError(f"the files of {self._name} have more than {limit} bytes", reason="FileTooLarge")
        for entry in result.values():
            yield entry, self._files[entry.path].data

    @property
    def _name(self) -> str:
        return self._commit.partition("@")[0]

    def _known(self) -> dict[str, Entry]:
        """Every path, after the first use."""
        if not self._entries:
            files = self._load()
            children: dict[str, dict[str, None]] = {"": {}}
            entries: dict[str, Entry] = {}
            for path, file in files.items():
                oid = hashlib.sha1(b"blob %d\0" % len(file.data) + file.data, usedforsecurity=False).hexdigest()
                size = len(file.data)
                entries[path] = Entry(path=path, type=EntryType.FILE, oid=oid, size=size, executable=file.executable)
                while path:
                    folder = path.rpartition("/")[0]
                    children.setdefault(folder, {})[path] = None
                    path = folder  # noqa: PLW2901 - up to the root
            self._children = {folder: sorted(names) for folder, names in children.items()}
            for folder in sorted(filter(None, self._children), key=lambda name: -name.count("/")):
                entries[folder] = self._folder(folder, entries)
            entries[""] = self._folder("", entries)
            self._files, self._entries = files, entries
        return self._entries

    def _folder(self, path: str, entries: Mapping[str, Entry]) -> Entry:
        """A directory, whose id covers everything below it."""
        below = hashlib.sha1(b"chart directory\0", usedforsecurity=False)
        for name in self._children[path]:
            entry = entries[name]
            below.update(f"{entry.type.value} {entry.oid} {entry.executable} {name.rpartition('/')[2]}\0".encode())
        return Entry(path=path, type=EntryType.DIRECTORY, oid=below.hexdigest())
