"""A tree whose files the agent sends, once."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.worker.channel import Channel, Message
from gitops_agent.render.worker.messages import entry_of, packed, unpacked
from gitops_agent.render.worktree import LazyEntry, blob_id
from gitops_agent.revision.chart_dependency import DEPENDENCIES
from gitops_agent.revision.remote_base import BASES
from gitops_agent.revision.tree import Entry, EntryType

_PATHS = 500
_RESERVED = (BASES.folder, DEPENDENCIES.folder)
"""Below them lies what no listing shows."""


class RemoteTree:
    """The worker's side of a `TreeServer`; for one render.

    Args:
        channel: where the agent answers.
        first: the request, with the entries it brings.
    """

    def __init__(self, channel: Channel, first: Message) -> None:
        self._channel = channel
        self._commit = str(first.head["commit"])
        self._entries: dict[str, Entry] = {}
        self._listed: set[str] = set()
        self._contents: dict[str, bytes] = {}
        self._sent: set[str] = set()
        """Files whose content came unasked: the agent checked their names before."""
        self._decrypted: set[str] = set()
        self._elsewhere: dict[tuple[str, str], Entry | None] = {}
        """Answers about paths that lead through links."""
        self._learn(first)

    @property
    def commit(self) -> str:
        """The full object name of the commit."""
        return self._commit

    def entry(self, path: str) -> Entry | None:
        """See `Tree.entry`."""
        if path in self._entries:
            return self._entries[path]
        if self._absent(path):
            return None
        if ("entry", path) not in self._elsewhere:
            answer = self._ask(ask="entry", path=packed(path))
            self._learn(answer)
            self._elsewhere["entry", path] = self._entry_of(answer.head["entry"])
        return self._elsewhere["entry", path]

    def resolve(self, path: str) -> Entry | None:
        """See `Tree.resolve`."""
        entry = self._entries.get(path)
        if entry is not None and entry.type is not EntryType.LINK:
            return entry
        if entry is None and self._absent(path):
            return None
        if ("resolve", path) not in self._elsewhere:
            self._elsewhere["resolve", path] = self._entry_of(self._ask(ask="resolve", path=packed(path)).head["entry"])
        return self._elsewhere["resolve", path]

    def children(self, path: str) -> tuple[Entry, ...]:
        """See `Tree.children`."""
        if path in self._listed:
            return tuple(
                sorted((e for e in self._entries.values() if _parent(e.path) == path and e.path), key=lambda e: e.path)
            )
        return tuple(self._rows(self._ask(ask="children", path=packed(path))))

    def walk(self, path: str) -> Iterator[Entry]:
        """See `Tree.walk`."""
        if path in self._listed:
            prefix = f"{path}/" if path else ""
            below = (entry for entry in self._entries.values() if entry.path.startswith(prefix))
            yield from sorted((e for e in below if e.type is not EntryType.DIRECTORY), key=lambda entry: entry.path)
            return
        yield from self._rows(self._ask(ask="walk", path=packed(path)))

    def read(self, path: str, *, limit: int) -> bytes:
        """See `Tree.read`."""
        data = self._contents.get(path)
        if data is None or len(data) > limit:
            data = self._ask(ask="read", path=packed(path), limit=limit).body
            self._contents[path] = data
        return data

    def files(self, paths: Iterable[str], *, limit: int) -> Iterator[tuple[Entry, bytes]]:
        """See `Tree.files`."""
        missing = []
        for path in paths:
            entry, data = self._entries.get(path), self._contents.get(path)
            if entry is None or data is None or path not in self._sent:
                missing.append(path)
            else:
                yield self._file(path, size=len(data), executable=entry.executable), data
        for start in range(0, len(missing), _PATHS):
            answer = self._ask(ask="files", paths=[packed(path) for path in missing[start : start + _PATHS]], limit=limit)
            while True:
                position = 0
                for packed_path, size, executable, decrypted in answer.head["files"]:
                    path = unpacked(packed_path)
                    data = answer.body[position : position + size]
                    position += size
                    self._decrypted |= {path} if decrypted else set()
                    yield self._file(path, size=size, executable=executable), data
                if not answer.head["more"]:
                    break
                answer = self._receive()

    def _file(self, path: str, *, size: int, executable: bool) -> Entry:
        decrypted = path in self._decrypted
        return Entry(path=path, type=EntryType.FILE, oid="", size=size, executable=executable, decrypted=decrypted)

    def _absent(self, path: str) -> bool:
        """Whether earlier answers show that a path is absent."""
        parent = _parent(path)
        listed = parent in self._listed and path not in _RESERVED and parent not in _RESERVED
        return bool(path) and path == posixpath.normpath(path) and listed

    def _ask(self, **question: Any) -> Message:
        self._channel.send(question)
        return self._receive()

    def _receive(self) -> Message:
        answer = self._channel.receive()
        if "error" in answer.head:
            kind = SourceError if answer.head["error"] == "source" else RenderError
            raise kind(
                answer.head["message"],
                reason=answer.head["reason"],
                transient=answer.head["transient"],
                **answer.head["facts"],
            )
        return answer

    def _rows(self, answer: Message) -> Iterator[Entry]:
        rows = list(answer.head["entries"])
        while answer.head["more"]:
            answer = self._receive()
            rows += answer.head["entries"]
        return (self._of(values) for values in rows)

    def _learn(self, answer: Message) -> None:
        for values in answer.head["entries"]:
            entry = self._of(values)
            self._entries[entry.path] = entry
        self._listed.update(unpacked(path) for path in answer.head["listed"])
        position = 0
        for packed_path, size, decrypted in answer.head["contents"]:
            path = unpacked(packed_path)
            self._contents[path] = answer.body[position : position + size]
            self._sent.add(path)
            self._decrypted |= {path} if decrypted else set()
            position += size

    def _entry_of(self, values: list[Any] | None) -> Entry | None:
        return None if values is None else self._of(values)

    def _of(self, values: list[Any]) -> Entry:
        entry = entry_of(values)
        if entry.oid:
            return entry
        return LazyEntry(entry.path, entry.type, lambda: self._oid(entry), size=entry.size, executable=entry.executable)

    def _oid(self, entry: Entry) -> str:
        as_in_git = entry.path in self._sent and entry.path not in self._decrypted
        data = self._contents.get(entry.path) if as_in_git else None
        return blob_id(data) if data is not None else str(self._ask(ask="oid", path=packed(entry.path)).head["oid"])


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
