"""Answers a render worker's questions about one tree.

A question costs a round trip, and most renders read one small directory. So an answer holds more than was asked: the entries
below a small directory, with their contents where they are small as well. Object ids of local folders cost reading every file
below and are sent when they are needed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from itertools import islice
from typing import Any

from gitops_agent.errors import SourceError
from gitops_agent.render.request import RenderLimits
from gitops_agent.render.worker.channel import BODY_BYTES, Channel, ChannelError
from gitops_agent.render.worker.messages import EntryRow, error_head, packed, row, unpacked
from gitops_agent.render.worktree import LazyEntry
from gitops_agent.revision.tree import Entry, EntryType, Tree

_SMALL_DIRECTORY = 100
_SMALL_BYTES = 256 * 1024
_ROWS = 5_000
_BATCH = 4 * 1024 * 1024
_ANSWERS_PER_FILE = 50
"""Entries that are sent at most, for each file that a render may read."""
_BYTES_PER_ENTRY = 4096
"""Of contents, which count as one more entry."""


class TreeServer:
    """The agent's side of a `RemoteTree`.

    Args:
        tree: what is asked about.
        channel: where the answers go.
        limits: of the render.
    """

    def __init__(self, tree: Tree, channel: Channel, limits: RenderLimits) -> None:
        self._tree, self._channel, self._limits = tree, channel, limits
        self._left = limits.files * _ANSWERS_PER_FILE
        self._questions: dict[str, Callable[[dict[str, Any]], None]] = {
            "entry": self._entry,
            "resolve": self._resolve,
            "oid": self._oid,
            "walk": self._walk,
            "children": self._children,
            "read": self._read,
            "files": self._files,
        }

    def start(self, head: dict[str, Any]) -> None:
        """Sends a request with what its path probably needs."""
        path = unpacked(head["path"])
        try:
            bundle, body = self._bundle(posixpath.normpath(f"/{path}").lstrip("/"))
        except SourceError:  # the worker finds out and reports it
            bundle, body = _nothing(), b""
        self._channel.send(head | bundle, body)

    def answer(self, question: dict[str, Any]) -> None:
        """Answers one question.

        Raises:
            ChannelError: it is none, or one too many.
        """
        handler = self._questions.get(question.get("ask", ""))
        if handler is None:
            raise ChannelError("invalid")
        self._spend(1)
        try:
            handler(question)
        except SourceError as error:
            self._channel.send(error_head(error))
        except (ValueError, KeyError, TypeError):
            raise ChannelError("invalid") from None

    def _spend(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise ChannelError("invalid")

    def _entry(self, question: dict[str, Any]) -> None:
        path = unpacked(question["path"])
        entry = self._tree.entry(path)
        bundle, body = self._bundle(path) if entry is not None and entry.path == path else (_nothing(), b"")
        self._spend(len(bundle["entries"]))
        self._channel.send({"entry": None if entry is None else self._row(entry)} | bundle, body)

    def _resolve(self, question: dict[str, Any]) -> None:
        entry = self._tree.resolve(unpacked(question["path"]))
        self._channel.send({"entry": None if entry is None else self._row(entry)})

    def _oid(self, question: dict[str, Any]) -> None:
        entry = self._tree.entry(unpacked(question["path"]))
        self._channel.send({"oid": entry.oid if entry is not None else ""})

    def _children(self, question: dict[str, Any]) -> None:
        entries = self._tree.children(unpacked(question["path"]))
        self._rows([self._row(entry) for entry in entries])

    def _walk(self, question: dict[str, Any]) -> None:
        entries = islice(self._tree.walk(unpacked(question["path"])), self._limits.files + 1)
        self._rows([self._row(entry) for entry in entries])

    def _rows(self, rows: list[EntryRow]) -> None:
        self._spend(len(rows))
        for start in range(0, len(rows), _ROWS):
            self._channel.send({"entries": rows[start : start + _ROWS], "more": start + _ROWS < len(rows)})
        if not rows:
            self._channel.send({"entries": [], "more": False})

    def _read(self, question: dict[str, Any]) -> None:
        limit = min(int(question["limit"]), self._limits.file_bytes, BODY_BYTES)
        data = self._tree.read(unpacked(question["path"]), limit=limit)
        self._spend(len(data) // _BYTES_PER_ENTRY)
        self._channel.send({}, data)

    def _files(self, question: dict[str, Any]) -> None:
        """Contents of files, several in one message."""
        paths = [unpacked(path) for path in question["paths"]]
        self._spend(len(paths))
        rows: list[EntryRow] = []
        body: list[bytes] = []
        size = 0
        for entry, data in self._tree.files(paths, limit=min(int(question["limit"]), self._limits.input_bytes)):
            if rows and size + len(data) > _BATCH:
                self._channel.send({"files": rows, "more": True}, b"".join(body))
                rows, body, size = [], [], 0
            self._spend(len(data) // _BYTES_PER_ENTRY)
            rows.append([packed(entry.path), len(data), entry.executable, entry.decrypted])
            body.append(data)
            size += len(data)
        self._channel.send({"files": rows, "more": False}, b"".join(body))

    def _bundle(self, path: str) -> tuple[dict[str, Any], bytes]:
        """The entries above a path and, if few, below it."""
        entries: dict[str, Entry] = {}
        listed: list[str] = []
        way = ""
        for part in ("", *path.split("/")) if path else ("",):
            way = f"{way}/{part}" if way else part
            entry = self._tree.entry(way)
            if entry is None or entry.path != way:
                break
            entries[way] = entry
            if entry.type is not EntryType.DIRECTORY:
                break
        top = entries.get(path)
        if top is not None and top.type is EntryType.DIRECTORY:
            below, listed = self._below(path)
            entries.update((entry.path, entry) for entry in below)
        contents, body = self._contents([entry for entry in entries.values() if entry.type is EntryType.FILE])
        rows = [self._row(entry) for entry in entries.values()]
        return {"entries": rows, "listed": [packed(folder) for folder in listed], "contents": contents}, body

    def _below(self, top: str) -> tuple[list[Entry], list[str]]:
        """Entries below a small directory, and its directories; else none."""
        entries: list[Entry] = []
        listed: list[str] = []
        pending = [top]
        while pending:
            folder = pending.pop()
            listed.append(folder)
            for child in self._tree.children(folder):
                entries.append(child)
                if child.type is EntryType.DIRECTORY:
                    pending.append(child.path)
                if len(entries) > _SMALL_DIRECTORY:
                    return [], []
        return entries, listed

    def _contents(self, entries: list[Entry]) -> tuple[list[list[Any]], bytes]:
        """Small files; none at all where one of them cannot be read."""
        total = 0
        paths = []
        for entry in entries:
            if 0 <= entry.size <= _SMALL_BYTES - total:
                total += entry.size
                paths.append(entry.path)
        try:
            files = list(self._tree.files(paths, limit=_SMALL_BYTES)) if paths else []
        except SourceError:
            return [], b""
        rows: list[list[Any]] = [[packed(entry.path), len(data), entry.decrypted] for entry, data in files]
        return rows, b"".join(data for _, data in files)

    def _row(self, entry: Entry) -> EntryRow:
        return row(entry, "" if isinstance(entry, LazyEntry) else None)


def _nothing() -> dict[str, Any]:
    return {"entries": [], "listed": [], "contents": []}
