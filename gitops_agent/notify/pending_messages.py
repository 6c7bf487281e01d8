"""Pending messages of a receiver: bounded, without lock, clock or cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice

from gitops_agent.events.event import Severity
from gitops_agent.manifest.key import Object
from gitops_agent.notify.living_messages import is_of_commit
from gitops_agent.notify.message import Message

LIMIT = 64
"""Entries of at most 2 KiB: what fits into a status without making the object heavy."""

OVERFLOW = 960
"""Further entries wait in memory: a burst of many applications is no reason to lose messages of a receiver that takes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A pending message.

    Attributes:
        message: the text to send.
        not_before: aware, UTC; a folded message waits for the end of its window.
        version: the version of the outbox that first held it; it may be sent once that version is stored.
    """

    message: Message
    not_before: datetime | None = None
    version: int = 0

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.message.id

    def to_json(self) -> Object:
        """As kept in a status."""
        value = self.message.to_json()
        if self.not_before is not None:
            value["notBefore"] = self.not_before.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return value

    @classmethod
    def from_json(cls, value: Object) -> Entry:
        """The entry that was kept.

        Raises:
            ValueError: it is none of ours.
        """
        late = value.get("notBefore")
        moment = datetime.fromisoformat(late).astimezone(UTC) if isinstance(late, str) else None
        return cls(message=Message.from_json(value), not_before=moment)


class PendingQueue:
    """Entries in sending order, one per id.

    Args:
        entries: the first ones.
        dropped: how many were given up before.
        limit: how many are kept in the status.
        overflow: how many more may wait in memory.
    """

    def __init__(
        self, entries: Iterable[Entry] = (), *, dropped: int = 0, limit: int = LIMIT, overflow: int = OVERFLOW
    ) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self.dropped = dropped
        self._limit, self._overflow = limit, overflow

    @property
    def entries(self) -> Mapping[str, Entry]:
        """By id, in order."""
        return self._entries

    def put(self, entry: Entry) -> None:
        """Adds an entry, or merges it into one of the same id.

        The older one stays where it is, takes the newer words and adds the counts.

        When there is no room, the oldest informational entry goes, else the oldest; `dropped` counts them.
        """
        if (older := self._entries.get(entry.id)) is not None:
            self._entries[entry.id] = replace(older, message=entry.message.again(older.message.count))
            return
        self._entries[entry.id] = entry
        while len(self._entries) > self._limit + self._overflow:
            others = [other for other in self._entries.values() if other.id != entry.id] or [entry]
            victim = next((other for other in others if other.message.severity is Severity.INFO), others[0])
            self.drop(victim.id)

    def drop(self, id_: str) -> None:
        """Gives an entry up."""
        if self._entries.pop(id_, None) is not None:
            self.dropped += 1

    def less(self, id_: str, count: int, *, not_before: datetime | None = None) -> None:
        """Subtracts `count` edges from an entry; the rest waits until `not_before`.

        The edges were delivered, or reverted.
        """
        entry = self._entries.get(id_)
        if entry is None:
            return
        if entry.message.count <= count:
            del self._entries[id_]
        else:
            self._entries[id_] = replace(entry, message=entry.message.again(-count), not_before=not_before)

    def release(self, ids: Iterable[str]) -> None:
        """Lets entries that wait for the end of a window go now."""
        for id_ in ids:
            if (entry := self._entries.get(id_)) is not None:
                self._entries[id_] = replace(entry, not_before=None)

    def due(self, now: datetime, stored: int) -> Entry | None:
        """The first entry that is due."""
        return next((entry for entry in self._entries.values() if entry.version <= stored and _due(entry, now)), None)

    def later(self, entry: Entry, now: datetime, stored: int) -> Entry | None:
        """A later due entry about a stage of the same commit."""
        others = iter(self._entries.values())
        for other in others:
            if other.id == entry.id:
                break
        for other in others:
            same = (other.message.application, other.message.commit) == (entry.message.application, entry.message.commit)
            if same and is_of_commit(other.message) and other.version <= stored and _due(other, now):
                return other
        return None

    def next_moment(self) -> datetime | None:
        """The time when the first delayed entry is due."""
        return min((entry.not_before for entry in self._entries.values() if entry.not_before is not None), default=None)

    @property
    def kept(self) -> tuple[Entry, ...]:
        """The entries that are kept in the status: the first ones."""
        return tuple(islice(self._entries.values(), self._limit))

    def to_json(self) -> list[Object]:
        """As kept in a status."""
        return [entry.to_json() for entry in self.kept]


def _due(entry: Entry, now: datetime) -> bool:
    return entry.not_before is None or entry.not_before <= now
