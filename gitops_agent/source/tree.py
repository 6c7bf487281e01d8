"""A commit's files read from Git objects, without a checkout.

Nothing is checked out, so no hook, filter or line-ending rule runs and no link can lead out of the repository: links are
followed here, component by component, the way an operating system would, but with the commit's root as the root of
everything.
"""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry, EntryType
from gitops_agent.source.checkout import files
from gitops_agent.source.paths import normalised, shown
from gitops_agent.source.tree_index import Index

_MOST_LINKS = 40
_LONGEST_TARGET = 4096
_MOST_STEPS = 1_000_000
"""Path components of all links that are followed in one tree."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_POINTER = 1024


class GitTree:
    """Tree of a commit; implements `revision.tree.Tree`.

    Cheap to make, holds nothing that has to be closed, safe to use from several threads.

    Args:
        commit: the full object name.
        index: its paths.
        root: the object name of its root directory.
        read: gives the content of an object, at most so many bytes of it.
    """

    def __init__(self, *, commit: str, index: Index, root: str, read: Callable[[str, int], bytes]) -> None:
        self._commit = commit
        self._index = index
        self._root = Entry(path="", type=EntryType.DIRECTORY, oid=root)
        self._read = read
        self._steps = 0

    @property
    def commit(self) -> str:
        """The full object name of the commit."""
        return self._commit

    def entry(self, path: str) -> Entry | None:
        """The entry at a path, not following a final link, or None."""
        return self._find(normalised(path), follow_last=False, must=False)

    def resolve(self, path: str) -> Entry | None:
        """The file or directory behind a path's links, or None."""
        return self._find(normalised(path), follow_last=True, must=True)

    def children(self, path: str) -> tuple[Entry, ...]:
        """The direct entries of a directory, by name; empty when absent."""
        entry = self.resolve(path)
        if entry is None or entry.type is not EntryType.DIRECTORY:
            return ()
        return tuple(self._index.children(entry.path))

    def walk(self, path: str) -> Iterator[Entry]:
        """Every file, link and submodule below a directory, by path."""
        start = self.resolve(path)
        if start is not None and start.type is EntryType.DIRECTORY:
            for entry in self._index.walk(start.path):
                if entry.type is not EntryType.DIRECTORY:
                    yield entry

    def read(self, path: str, *, limit: int) -> bytes:
        """The content of a file; see `revision.tree.Tree.read`."""
        entry = self.resolve(path)
        if entry is None:
            raise SourceError(
                f"there is no file {shown(path)} in commit {self._commit[:12]}", reason="PathNotFound", path=shown(path)
            )
        if entry.type is EntryType.DIRECTORY:
            raise SourceError(f"{shown(path)} is a directory, not a file", reason="PathNotFound", path=shown(path))
        return self.content(entry, limit=limit)

    def content(self, entry: Entry, *, limit: int) -> bytes:
        """The content of a file's entry."""
        if entry.type is EntryType.SUBMODULE:
            raise _submodule(entry.path)
        if entry.size > limit:
            raise SourceError(
                f"{shown(entry.path)} has {entry.size} bytes, more than the {limit} allowed",
                reason="FileTooLarge",
                path=shown(entry.path),
            )
        data = self._read(entry.oid, limit)
        if len(data) <= _LONGEST_POINTER and data.startswith(_LFS_POINTER):
            raise SourceError(
                f"{shown(entry.path)} is kept in Git LFS, which is not supported: commit the file itself",
                reason="LFSRefused",
                path=shown(entry.path),
            )
        return data

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """Files with their contents; see `revision.tree.Tree.files`."""
        return files(self, paths, limit=limit)

    def _find(self, path: str, *, follow_last: bool, must: bool) -> Entry | None:
        """Walks down from the root; `must` makes a broken link an error."""
        here, links, last_link = self._root, 0, ""
        pending = deque(path.split("/") if path else ())
        while pending:
            name = pending.popleft()
            if name in {"", "."}:
                continue
            if name == "..":
                if not here.path:
                    raise _escape(last_link, "leads out of the repository")
                here = self._directory(posixpath.dirname(here.path))
                continue
            entry = self._index.get(f"{here.path}/{name}" if here.path else name)
            if entry is None or (pending and entry.type is EntryType.FILE):
                if last_link and must:
                    raise SourceError(
                        f"the link {shown(last_link)} leads to {shown(f'{here.path}/{name}'.strip('/'))}, which is not there",
                        reason="PathNotFound",
                        path=shown(last_link),
                    )
                return None
            if entry.type is EntryType.LINK and (pending or follow_last):
                links, last_link = links + 1, entry.path
                if links > _MOST_LINKS:
                    raise _escape(last_link, "is part of a loop of links")
                names = self._target(entry).split("/")
                self._steps += len(names)
                if self._steps > _MOST_STEPS:
                    raise _escape(last_link, "is one of too many links to follow")
                pending.extendleft(reversed(names))
                continue
            if entry.type is EntryType.SUBMODULE and pending:
                raise _submodule(entry.path)
            here = entry
        return here

    def _directory(self, path: str) -> Entry:
        return (self._index.get(path) if path else None) or self._root

    def _target(self, link: Entry) -> str:
        target = self._index.targets.get(link.path)
        if target is None:
            target = self._read(link.oid, _LONGEST_TARGET).decode("utf-8", "surrogateescape")
            self._index.targets[link.path] = target
        if target.startswith("/"):
            raise _escape(link.path, f"leads to the absolute path {shown(target)}, out of the repository")
        if not target or "\0" in target:
            raise _escape(link.path, "leads nowhere")
        return target


def _escape(link: str, what: str) -> SourceError:
    return SourceError(f"the link {shown(link)} {what}", reason="PathEscapes", path=shown(link))


def _submodule(path: str) -> SourceError:
    return SourceError(
        f"{shown(path)} is a Git submodule, which is not supported: commit its files, "
        "or use the other repository as a source of its own",
        reason="SubmodulesRefused",
        path=shown(path),
    )
