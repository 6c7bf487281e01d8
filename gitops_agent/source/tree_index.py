"""Every path of a commit with object id and size, without checkout.

From one `git ls-tree`.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from pathlib import Path

from gitops_agent.errors import ProcessError, SourceError
from gitops_agent.process import Limits
from gitops_agent.revision.tree import Entry, EntryType
from gitops_agent.source import git

_LIMITS = Limits(seconds=120.0, output_bytes=128 * 1024 * 1024)
_LINE = re.compile(rb"([0-7]+) (\w+) ([0-9a-f]+) +(\d+|-|BAD)\t(.*)\Z", re.DOTALL)
_TYPES = {"040000": EntryType.DIRECTORY, "120000": EntryType.LINK, "160000": EntryType.SUBMODULE}
_TORN_SIZE = -1


class Index:
    """A commit's paths, sorted; the root is not among them."""

    __slots__ = ("_entries", "_paths", "targets")

    def __init__(self, entries: dict[str, Entry]) -> None:
        self._entries = entries
        self._paths = sorted(entries)
        self.targets: dict[str, str] = {}
        """The targets of links, by path, as far as they were read."""

    @classmethod
    def load(cls, directory: Path, commit: str, *, like: Index | None = None) -> Index:
        """Lists a commit.

        Args:
            directory: of the mirror.
            commit: its object name.
            like: of another commit; paths that are the same in both are held once.

        Raises:
            SourceError: the commit is not there (the fact `failure` is `torn`), or has too many files.
        """
        try:
            listed = git.run(
                directory, "ls-tree", "-r", "-t", "-z", "-l", "--full-tree", "--end-of-options", commit, limits=_LIMITS
            )
        except ProcessError as error:
            if error.cause in {"output", "timeout", "memory"}:
                raise SourceError(
                    f"commit {commit[:12]} has too many files: git {error}", reason="FileTooLarge", failure="size"
                ) from error
            raise SourceError(
                f"commit {commit[:12]} is not in the mirror, or the mirror is torn; the next poll builds it anew",
                transient=True,
                failure="torn",
            ) from error
        entries = (entry for line in listed.stdout.split(b"\0") if (entry := _entry(line)) is not None)
        same = (_shared(entry, like) for entry in entries)
        return cls({entry.path: entry for entry in same})

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, path: str) -> Entry | None:
        """The entry at exactly this path."""
        return self._entries.get(path)

    def children(self, path: str) -> Iterator[Entry]:
        """The direct entries of a directory, by name."""
        position, prefix = self._begin(path)
        while position < len(self._paths) and self._paths[position].startswith(prefix):
            entry = self._paths[position]
            name, below, _ = entry[len(prefix) :].partition("/")
            if below:  # all that is below one child stands together, and ends before the character that follows the slash
                position = bisect.bisect_left(self._paths, f"{prefix}{name}0", position + 1)
            else:
                yield self._entries[entry]
                position += 1

    def walk(self, path: str) -> Iterator[Entry]:
        """Every entry below a directory, directories included, by path."""
        position, prefix = self._begin(path)
        while position < len(self._paths) and self._paths[position].startswith(prefix):
            yield self._entries[self._paths[position]]
            position += 1

    def _begin(self, path: str) -> tuple[int, str]:
        prefix = f"{path}/" if path else ""
        return bisect.bisect_left(self._paths, prefix), prefix


def _shared(entry: Entry, like: Index | None) -> Entry:
    """The equal entry of another commit, else this one."""
    other = like.get(entry.path) if like is not None else None
    return other if other is not None and other == entry else entry


def _entry(line: bytes) -> Entry | None:
    match = _LINE.match(line)
    if match is None:
        return None
    mode, _, oid, size, path = match.groups()
    return Entry(
        path=path.decode("utf-8", "surrogateescape"),
        type=_TYPES.get(mode.decode(), EntryType.FILE),
        oid=oid.decode(),
        size=int(size) if size.isdigit() else 0 if size == b"-" else _TORN_SIZE,
        executable=mode.endswith(b"755"),
    )
