"""Outbox of one receiver, kept in the status of its Notifier.

So neither a crash nor a failover loses a message.

The reconciler saves an edge here before it writes the Application's status; once `admit` and `store` are done, the edge is in
the cluster, and the next leader will send it. Deliveries are taken out lazily, many in one patch: a crash in between repeats
a message, it never loses one. Writers that come together share one patch (group commit), so a thousand applications that become
ready at once do not cost a thousand patches in a row.

Every patch names the resourceVersion it is based on. When another replica wrote in between (a failover that overlapped), what
it put in is taken over; what we hold stays.

The reconciler repeats an edge when it crashed, or could not save, after the edge was stored. Such a repeat is known for as long
as a window of folding lasts and is not counted, unless the edge's opposite came in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitops_agent.api.conditions import set_condition
from gitops_agent.api.notifier import Notifier
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Conflict, Forbidden, Invalid, NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import NOTIFIER
from gitops_agent.manifest.marks import TEST_REQUESTED, annotation
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.notify.deduplication import WINDOW, Deduplicator, ended_by
from gitops_agent.notify.living_messages import LivingMessage, LivingMessages, is_progress
from gitops_agent.notify.message import Message
from gitops_agent.notify.pending_messages import LIMIT, OVERFLOW, Entry, PendingQueue
from gitops_agent.observe.log import logger

_log = logger("notify")
_ATTEMPTS = 6
_REQUEST = 64
"""Characters of a request for a test message that are read."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What one call of `admit` added: needed to store or revert it.

    Attributes:
        version: of the outbox that holds it.
        added: the messages.
    """

    version: int
    added: tuple[Message, ...]


class Outbox:
    """The durable queue of one Notifier; thread-safe.

    Args:
        objects: the cluster.
        notifier: whose status holds the queue; what is pending there is taken over.
        clock: aware time, UTC.
        limit: how many messages are kept in the status.
        overflow: how many more may wait in memory; a crash loses those.
    """

    def __init__(
        self,
        objects: Objects,
        notifier: Notifier,
        *,
        clock: Callable[[], datetime],
        limit: int = LIMIT,
        overflow: int = OVERFLOW,
    ) -> None:
        self._objects, self._clock = objects, clock
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._fold = Deduplicator()
        status = notifier.status
        kept = _entries(status)
        self._pending = PendingQueue(kept, dropped=_count(status, "dropped"), limit=limit, overflow=overflow)
        self._repeats: dict[str, tuple[Message, datetime]] = {}
        self._expect(entry.message for entry in kept)
        self._written = frozenset(entry.id for entry in kept)
        self._delivered, self._last_delivery = _count(status, "delivered"), str(status.get("lastDelivery") or "")
        self._living = LivingMessages(status.get("messages"))
        self._failure: Object = dict(mapping(status, "lastFailure"))
        self._test: Object = dict(mapping(status, "test"))
        raw = status.get("conditions")
        # A Notifier that reached this place can be followed, whatever was said of an earlier form of it.
        self._conditions = [condition for condition in items(raw) if condition.get("type") != "Stalled"]
        self._resource_version = str(notifier.raw.get("metadata", {}).get("resourceVersion") or "")
        self._version = self._stored = 0
        self._told_unstorable = False
        self.notifier = notifier
        self.changed = threading.Event()

    # For the reconciler

    def admit(self, messages: Sequence[Message]) -> Admission:
        """Adds messages; they are delivered once `store` got the result."""
        added: list[Message] = []
        with self._lock:
            now = self._clock()
            for message in messages:
                self._pending.release(self._fold.close(message))
                until = self._fold.until(message, now)
                if self._is_repeat(message, now):
                    continue
                self._version += 1
                self._pending.put(Entry(message=message, not_before=until, version=self._version))
                added.append(message)
            return Admission(self._version, tuple(added))

    def store(self, admission: Admission) -> None:
        """Returns once what was admitted is in the cluster.

        Raises:
            AgentError: it is not, and may be later; call `retract` and save again.
        """
        if admission.added:
            self._store(admission.version)
            self.changed.set()

    def retract(self, admission: Admission) -> None:
        """Takes back what could not be stored."""
        with self._lock:
            for message in admission.added:
                self._pending.less(message.id, message.count)
            self._fold.forget(message.id for message in admission.added)
            self._version += 1

    def expect(self, admission: Admission) -> None:
        """Marks messages as saved again, so they are not counted twice.

        The same save comes again, because another outbox could not store it.
        """
        with self._lock:
            self._expect(admission.added)

    # For the courier

    def take(self) -> Entry | None:
        """The next message to deliver; it stays in until `delivered` or `give_up`."""
        with self._lock:
            return self._pending.due(self._clock(), self._stored)

    def seconds_to_next(self) -> float | None:
        """Seconds until a folded message is due, None when there is none."""
        with self._lock:
            moment = self._pending.next_moment()
            return None if moment is None else max(0.0, (moment - self._clock()).total_seconds())

    def living(self, entry: Entry) -> LivingMessage | None:
        """The message of the entry's commit, with its stage.

        None where another one says it already, or will: then the entry is done.
        """
        message = entry.message
        with self._lock:
            now = self._clock()
            living = self._living.of(message, now)
            if not is_progress(message):
                return living.with_step(message)
            if not living.has_passed(message):
                living = living.with_step(message)
                if self._pending.later(entry, now, self._stored) is None:
                    return living
                self._living.put(living)
            self._pending.less(entry.id, message.count)
            self._version += 1
            return None

    def delivered(self, entry: Entry, living: LivingMessage | None = None) -> None:
        """The receiver took the message, perhaps as the message of its commit."""
        with self._lock:
            now = self._clock()
            self._pending.less(entry.id, entry.message.count, not_before=now + WINDOW)
            self._delivered += 1
            if living is not None:
                self._living.put(replace(living, at=now))
            self._last_delivery = self._timestamp()
            self._version += 1

    def give_up(self, entry: Entry) -> None:
        """The receiver will never take the message."""
        with self._lock:
            self._pending.drop(entry.id)
            self._version += 1

    def skip(self, entry: Entry) -> None:
        """Removes a message that is no longer needed."""
        with self._lock:
            self._pending.less(entry.id, entry.message.count)
            self._version += 1

    def test_request(self) -> str:
        """The unanswered request for a test message; empty for none."""
        request = (annotation(self.notifier.raw, TEST_REQUESTED) or "")[:_REQUEST]
        with self._lock:
            return "" if request == self._test.get("answered") else request

    def answer_test(self, request: str, *, delivered: bool, reason: str, message: str) -> None:
        """Answers such a request; the next store writes it."""
        with self._lock:
            self._test = {
                "answered": request,
                "at": self._timestamp(),
                "delivered": delivered,
                "reason": reason,
                "message": message,
            }
            self._version += 1

    def report(self, *, ready: bool, reason: str, message: str) -> None:
        """Sets the condition Ready; the next store writes it if changed."""
        with self._lock:
            conditions = set_condition(
                self._conditions, "Ready", ready, reason, message, generation=self.notifier.generation, now=self._clock()
            )
            if conditions == self._conditions:
                return
            self._conditions = conditions
            self._version += 1

    def report_failure(self, reason: str, message: str) -> None:
        """Sets the last failure, and Ready to False.

        One that repeats the last one is written with whatever else is, so that a receiver that is down costs no writes.
        """
        with self._lock:
            self._failure = {"at": self._timestamp(), "reason": reason, "message": message}
        self.report(ready=False, reason=reason, message=message)

    @property
    def dirty(self) -> bool:
        """Whether something is not stored yet."""
        with self._lock:
            return self._version > self._stored

    def flush(self) -> None:
        """Stores everything.

        Raises:
            AgentError: it could not be stored now.
        """
        with self._lock:
            version = self._version
        self._store(version)

    def _timestamp(self) -> str:
        return timestamp(self._clock())

    def _expect(self, messages: Iterable[Message]) -> None:
        end = self._clock() + WINDOW
        self._repeats.update((message.id, (message, end)) for message in messages)

    def _is_repeat(self, message: Message, now: datetime) -> bool:
        """Whether this edge was saved before a crash or failed save.

        Forgets what the message ends.
        """
        ended = ended_by(message.event)
        self._repeats = {
            id_: (saved, end)
            for id_, (saved, end) in self._repeats.items()
            if end > now and not (saved.application == message.application and saved.event in ended)
        }
        return self._repeats.pop(message.id, None) is not None

    # Writing

    def _store(self, version: int) -> None:
        """Writes one patch for all waiting callers.

        Callers that come while it is under way share the next one.
        """
        with self._writing:
            for attempt in range(_ATTEMPTS):
                with self._lock:
                    if self._stored >= version:
                        return
                    writing, patch, ids = self._version, self._patch(), frozenset(entry.id for entry in self._pending.kept)
                try:
                    answer = self._objects.merge_patch(self._key, patch, subresource="status")
                except Conflict:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    self._merge()
                    continue
                except NotFound:
                    answer = {}
                except (Forbidden, Invalid) as error:
                    self._complain(error)
                    answer = {}
                with self._lock:
                    self._stored, self._written = writing, ids
                    self._resource_version = str(
                        (answer.get("metadata") or {}).get("resourceVersion") or self._resource_version
                    )
                return

    @property
    def _key(self) -> ObjectKey:
        return NOTIFIER.named(self.notifier.key.namespace, self.notifier.key.name)

    def _patch(self) -> Object:
        status: Object = {
            "pending": self._pending.to_json(),
            "dropped": self._pending.dropped,
            "delivered": self._delivered,
            "messages": self._living.to_json(),
            "observedGeneration": self.notifier.generation,
            "conditions": self._conditions,
        }
        if self._failure:
            status["lastFailure"] = self._failure
        if self._test:
            status["test"] = self._test
        if self._last_delivery:
            status["lastDelivery"] = self._last_delivery
        return {"metadata": {"resourceVersion": self._resource_version or None}, "status": status}

    def _merge(self) -> None:
        """Merges a concurrent write: adds the other replica's messages, keeps ours."""
        stored = self._objects.get(self._key)
        if stored["metadata"]["uid"] != self.notifier.uid:
            # A patch of a status is not refused for its UID, so only this check can detect it.
            raise Conflict(f"Notifier {self.notifier.key} was replaced by another of its name", status=409, code="Replaced")
        status = stored.get("status") or {}
        with self._lock:
            self._resource_version = str(stored["metadata"]["resourceVersion"])
            for entry in _entries(status):
                if entry.id not in self._written and entry.id not in self._pending.entries:
                    self._pending.put(entry)
                    self._expect([entry.message])
                    self._version += 1
            self._living.adopt(status.get("messages"))
            self._pending.dropped = max(self._pending.dropped, _count(status, "dropped"))
            self._delivered = max(self._delivered, _count(status, "delivered"))

    def _complain(self, error: AgentError) -> None:
        if not self._told_unstorable:
            self._told_unstorable = True
            _log.warning("pending notifications are kept in memory only", notifier=str(self.notifier.key), error=error)


def _entries(status: Object) -> list[Entry]:
    """The pending messages of a status, without unreadable ones."""
    entries: list[Entry] = []
    raw: Any = status.get("pending")
    for value in raw if isinstance(raw, list) else ():
        try:
            entries.append(Entry.from_json(value))
        except (ValueError, AttributeError) as error:
            _log.warning("a pending notification cannot be read", error=str(error))
    return entries


def _count(status: Object, name: str) -> int:
    value = status.get(name)
    return value if isinstance(value, int) else 0
