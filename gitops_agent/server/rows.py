"""The rows that viewers see: a state with a sequence.

Problem: a stream that keeps a log grows with every change, and one that keeps a queue for each viewer grows with the slowest.
Decision: every row carries the number of its last change, and changed rows are moved to the end. A viewer that reconnects gets
what lies behind its number; one that is too far behind, or comes from another epoch, loads everything again. Rows exist only
while there are viewers. `orjson` keeps its whole buffer alive with a result, so encoded rows are copied.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from gitops_agent.api.application_row import State
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.server.application_row import decoded, row_of
from gitops_agent.server.views.applications import ApplicationRow

_TOMBSTONES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEntry:
    """A row and its last change.

    Attributes:
        key: the Application.
        seq: the number of the change.
        state: the state of the Application, for the order and the counts of lists.
        encoded: the row as JSON, the only copy of it: ten thousand rows as objects would take three times the memory.
        version: the Application's resourceVersion.
    """

    key: AppKey
    seq: int
    state: State
    encoded: bytes
    version: str

    def row(self) -> ApplicationRow:
        """What is shown."""
        return decoded(orjson.loads(self.encoded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed since a number.

    Attributes:
        reset: the viewer has to load everything again.
        rows: changed ones, oldest first.
        gone: removed ones.
    """

    reset: str = ""
    rows: tuple[AppKey, ...] = ()
    gone: tuple[AppKey, ...] = ()


class Rows:
    """The rows of all Applications; safe to share between threads.

    Args:
        read: the live Application of a key, None when there is none.
        policy: the live RolloutPolicy of a key, None when it is not known.
    """

    def __init__(self, read: Callable[[AppKey], Object | None], policy: Callable[[AppKey], Object | None]) -> None:
        self._read, self._policy = read, policy
        self._lock = threading.Lock()
        self._state = threading.RLock()
        self._dirty: dict[AppKey, None] = {}
        self._entries: OrderedDict[AppKey, RowEntry] = OrderedDict()
        self._gone: OrderedDict[AppKey, int] = OrderedDict()
        self._oldest_gone = 0
        self.epoch = ""
        self.seq = 0
        self.active = False

    def activate(self, keys: Iterable[AppKey]) -> None:
        """Makes the rows of all Applications, for the first viewer."""
        with self._state:
            if self.active:
                return
            self.epoch, self.seq, self._oldest_gone = secrets.token_hex(4), 0, 0
            self.active = True
            for key in keys:
                self._refresh(key)

    def release(self) -> None:
        """Forgets everything, after the last viewer."""
        with self._state, self._lock:
            self.active = False
            self._entries, self._gone, self._dirty = OrderedDict(), OrderedDict(), {}

    def touch(self, key: AppKey) -> bool:
        """Marks an Application as changed, from any thread.

        Returns whether it is the first one since the last flush.
        """
        if not self.active:
            return False
        with self._lock:
            first = not self._dirty
            self._dirty[key] = None
        return first

    def flush(self) -> tuple[list[AppKey], list[AppKey], list[AppKey]]:
        """Makes the touched rows anew: changed rows, gone ones, touched ones."""
        with self._lock:
            touched, self._dirty = self._dirty, {}
        changed, gone = [], []
        with self._state:
            for key in touched:
                before = self._entries.get(key)
                if self._refresh(key):
                    changed.append(key)
                elif before is not None and key not in self._entries:
                    gone.append(key)
        return changed, gone, list(touched)

    def entry(self, key: AppKey) -> RowEntry | None:
        """The present row of an Application."""
        return self._entries.get(key)

    def snapshot(self) -> tuple[str, int, list[RowEntry]]:
        """Epoch, sequence, and all rows in the order of their last change."""
        with self._state:
            return self.epoch, self.seq, list(self._entries.values())

    def since(self, mark: str) -> Changes:
        """What changed since `<epoch>-<seq>`."""
        epoch, _, number = mark.partition("-")
        if epoch != self.epoch or not number.isdigit():
            return Changes(reset="epoch")
        seq = int(number)
        with self._state:
            if seq < self._oldest_gone or seq > self.seq:
                return Changes(reset="gap")
            rows = []
            for key in reversed(self._entries):
                if self._entries[key].seq <= seq:
                    break
                rows.append(key)
            gone = [key for key, at in self._gone.items() if at > seq]
        return Changes(rows=tuple(reversed(rows)), gone=tuple(gone))

    def _refresh(self, key: AppKey) -> bool:
        """Makes one row; whether it is another one than before."""
        live = self._read(key)
        before = self._entries.get(key)
        if live is None:
            if before is not None:
                del self._entries[key]
                self.seq += 1
                self._gone[key] = self.seq
                if len(self._gone) > _TOMBSTONES:
                    self._oldest_gone = self._gone.popitem(last=False)[1]
            return False
        row = row_of(live, self._policy)
        encoded = bytes(memoryview(orjson.dumps(tuple(row), default=tuple)))
        version = str(live["metadata"].get("resourceVersion") or "")
        if before is not None and before.encoded == encoded:
            if before.version != version:
                self._entries[key] = RowEntry(key=key, seq=before.seq, state=row.state, encoded=encoded, version=version)
            return False
        self.seq += 1
        self._gone.pop(key, None)
        self._entries[key] = RowEntry(key=key, seq=self.seq, state=row.state, encoded=encoded, version=version)
        self._entries.move_to_end(key)
        return True
