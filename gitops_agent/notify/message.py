"""A notification: an event as text, small enough for a status.

A message carries no value of a Secret (events never hold one); what looks like a credential is scrubbed anyway,
because a message leaves the house. Its id is made of what happened and not of when: a repeat after a crash has the same id, so
a receiver can recognise it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

import orjson

from gitops_agent.api.event_type import EventType
from gitops_agent.events.event import Event, Severity
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.revision_name import base_of, short
from gitops_agent.observe.redaction import HIDDEN, scrub

SIZE_LIMIT = 2000
"""Bytes of a message as JSON: 2 KiB with the moment it may wait for."""

_TEXT = 900
_SHORT = 120
_REVISION = 400
"""A commit with a chart beside it, whose names and digests are whole."""
_ADDRESS = 200
_OBJECTS = 10
_FACTS = 8
_TITLES = {
    EventType.REVISION_SEEN: "new commit",
    EventType.SYNCED: "synced",
    EventType.SYNC_FAILED: "sync failed",
    EventType.PROGRESSING: "rolling out",
    EventType.DEGRADED: "degraded",
    EventType.RECOVERED: "recovered",
    EventType.ROLLED_BACK: "rolled back",
    EventType.DRIFT_DETECTED: "changed manually",
    EventType.DRIFT_REPAIRED: "manual change undone",
    EventType.FIGHTING: "another writer keeps changing it",
    EventType.HELD: "held for approval",
    EventType.APPROVED: "approved",
    EventType.WINDOW_CLOSED: "waits for a window",
    EventType.SOURCE_UNAVAILABLE: "repository unavailable",
    EventType.SOURCE_RECOVERED: "repository available again",
    EventType.HISTORY_REWRITTEN: "history rewritten",
    EventType.UNVERIFIED: "unverified commit",
    EventType.SIGNER_REMOVED: "signer no longer trusted",
    EventType.SUSPENDED: "suspended",
    EventType.RESUMED: "resumed",
    EventType.STALLED: "stalled",
    EventType.DELETED: "deleted",
    EventType.ROLLOUT_STARTED: "rollout started",
    EventType.ROLLOUT_PAUSED: "rollout waits for a person",
    EventType.ROLLOUT_STEP: "rollout step",
    EventType.ROLLOUT_ABORTED: "rollout aborted",
    EventType.PROMOTED: "promoted",
    EventType.TEST: "test message",
}


def words(event: EventType) -> str:
    """An event in the words of titles."""
    return _TITLES[event]


_ABOUT_ROLLOUTS = frozenset(
    {
        EventType.ROLLOUT_STARTED,
        EventType.ROLLOUT_PAUSED,
        EventType.ROLLOUT_STEP,
        EventType.ROLLOUT_ABORTED,
        EventType.PROMOTED,
    }
)
_ABOUT_OBJECTS = frozenset({EventType.DRIFT_DETECTED, EventType.DRIFT_REPAIRED, EventType.FIGHTING}) | _ABOUT_ROLLOUTS

_TOLD_APART: dict[EventType, tuple[str, ...]] = {
    EventType.HISTORY_REWRITTEN: ("old", "new"),
    EventType.APPROVED: ("plan",),
    EventType.TEST: ("request",),
}
"""Facts that distinguish edges of one type, commit and reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, for one receiver or many.

    Attributes:
        event: what kind of edge.
        application: whose.
        at: when it happened, aware, UTC.
        severity: how much a person should care.
        reason: a code from the table of reasons.
        text: a few lines.
        repository: the URL without credentials; empty when it is about no commit.
        ref: what was followed, such as a branch.
        commit: the full object name, or empty.
        author: of the commit.
        subject: of the commit.
        objects: keys of the objects it is about.
        facts: further values.
        count: how many identical edges this one stands for.
        link: the page that explains it; known when it is sent, and never kept.
        buttons: whether the chat can ask the agent about it; likewise.
    """

    event: EventType
    application: AppKey
    at: datetime
    severity: Severity = Severity.INFO
    reason: str = ""
    text: str = ""
    repository: str = ""
    ref: str = ""
    commit: str = ""
    author: str = ""
    subject: str = ""
    objects: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    count: int = 1
    link: str = ""
    buttons: bool = False

    @classmethod
    def of(cls, event: Event) -> Self:
        """The message of an event, scrubbed and cut to 2 KiB."""
        revision = event.revision
        message = cls(
            event=event.type,
            application=event.application,
            at=event.at.astimezone(UTC),
            severity=event.severity,
            reason=_line(event.reason, _SHORT),
            text=_clean(event.message, _TEXT),
            repository=_line(revision.repository, _ADDRESS) if revision else "",
            ref=_line(revision.ref, _SHORT) if revision else "",
            commit=_line(base_of(revision.commit), _REVISION) if revision else "",
            author=_line(revision.author, _SHORT) if revision else "",
            subject=_line(revision.subject, _SHORT) if revision else "",
            objects=tuple(_line(str(key), _ADDRESS) for key in event.objects[:_OBJECTS]),
            facts={_line(str(name), _SHORT): _fact(str(name), value) for name, value in list(event.facts.items())[:_FACTS]},
        )
        return message.fitted()

    @classmethod
    def test(cls, notifier: AppKey, request: str, at: datetime) -> Self:
        """The message by which a user tries a Notifier.

        Args:
            notifier: which one; it has the place of the application.
            request: distinguishes one test from the next.
            at: aware.
        """
        text = f"This is a test of the Notifier {notifier}: its messages arrive here."
        facts = {"request": _line(request, _SHORT)}
        return cls(event=EventType.TEST, application=notifier, at=at.astimezone(UTC), text=text, facts=facts)

    @property
    def id(self) -> str:
        """The identity of an edge: application, type, commit and reason.

        For edges about single objects, those too.

        Of a rollout every step is an edge of its own: folded into one message they would be sent when they are over.
        """
        about = self.objects if self.event in _ABOUT_OBJECTS else ()
        if self.event in _ABOUT_ROLLOUTS:
            about = (*about, self.facts.get("hash", ""), self.facts.get("step", ""))
        about = (*about, *(self.facts.get(name, "") for name in _TOLD_APART.get(self.event, ())))
        parts = (str(self.application), self.event.value, self.commit, self.reason, *about)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    @property
    def title(self) -> str:
        """One line: whose, and what."""
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.application}: {words(self.event)}{times}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The default text below the title."""
        commit = f"{short(self.commit)} {self.subject}".strip() if self.commit else ""
        return tuple(line for line in (*self.text.splitlines(), commit and f"Commit: {commit}") if line)

    def again(self, times: int) -> Self:
        """The same message, standing for more edges."""
        return replace(self, count=self.count + times)

    def fitted(self) -> Self:
        """Fits the message into 2 KiB: drops facts, objects, then text."""
        message = self
        while (over := len(orjson.dumps(message.to_json())) - SIZE_LIMIT) > 0:
            if message.facts:
                message = replace(message, facts={})
            elif message.objects:
                message = replace(message, objects=message.objects[:-1])
            elif message.text:
                # Escapes and other alphabets take up to six bytes a character: shrink by what is over, at least by a tenth.
                keep = min(len(message.text) - over // 6 - 1, len(message.text) * 9 // 10)
                message = replace(message, text=message.text[:keep])
            else:
                message = replace(message, author="", subject="", ref="", repository=message.repository[:_SHORT])
                break
        return message

    def to_json(self) -> Object:
        """As kept in a status; empty fields are left out."""
        value: Object = {
            "id": self.id,
            "event": self.event.value,
            "application": str(self.application),
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "severity": self.severity.value,
            "reason": self.reason,
            "text": self.text,
            "repository": self.repository,
            "ref": self.ref,
            "commit": self.commit,
            "author": self.author,
            "subject": self.subject,
            "objects": list(self.objects),
            "facts": dict(self.facts),
            "count": self.count,
        }
        return {name: part for name, part in value.items() if part}

    @classmethod
    def from_json(cls, value: Object) -> Self:
        """The message that was kept.

        Raises:
            ValueError: it is no message of ours (any more).
        """
        try:
            return cls(
                event=EventType(value["event"]),
                application=AppKey.parse(value["application"]),
                at=datetime.fromisoformat(value["at"]).astimezone(UTC),
                severity=Severity(value.get("severity", "info")),
                objects=tuple(str(key) for key in value.get("objects") or ()),
                facts={str(name): str(part) for name, part in (value.get("facts") or {}).items()},
                count=int(value.get("count", 1)),
                buttons=False,
                **{name: str(value.get(name) or "") for name in _TEXTS},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a message: {error}") from None


_TEXTS = ("reason", "text", "repository", "ref", "commit", "author", "subject")


def _fact(name: str, value: Any) -> str:
    """A fact as text, hidden where its name says what it is."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    hides = scrub(f"{name}=x") != f"{name}=x"
    return HIDDEN if hides and text else _line(text, _SHORT)


def _clean(text: str, limit: int) -> str:
    """Without credentials and control characters, at most `limit` characters."""
    # Far more than is kept is scrubbed, so that a credential that would be cut in half still has its shape.
    scrubbed = scrub(text[: 4 * limit])
    printable = "".join(letter for letter in scrubbed if letter == "\n" or letter.isprintable())
    return printable if len(printable) <= limit else printable[: limit - 1] + "…"


def _line(text: str, limit: int) -> str:
    return _clean(" ".join(text[: 4 * limit].split()), limit)
