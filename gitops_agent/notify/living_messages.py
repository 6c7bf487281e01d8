"""Messages that are edited in place: one for each application and commit.

Problem: a commit that goes well makes a message for each stage, and the chat that should show what is broken is full of what is
not. Decision: progress edits the message that is there, and only what needs a person is posted anew, because an edit
notifies no person. The newest message is the one that is edited from then on, so that the end of an incident stands where its
beginning was posted. A message that nothing changed for a day is left alone: no reader would see the edit so far above.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from gitops_agent.api.event_type import EventType
from gitops_agent.manifest.key import Object
from gitops_agent.notify.message import Message, words

LIMIT = 64
"""Messages of one Notifier that can be edited; the oldest go."""

_AGE = timedelta(days=1)
_STEPS = 8
_ID = 128
"""Characters of an id; a longer one is not kept, and its message is not edited."""

_PROGRESS = frozenset(
    {
        EventType.REVISION_SEEN,
        EventType.PROGRESSING,
        EventType.APPROVED,
        EventType.WINDOW_CLOSED,
        EventType.SYNCED,
        EventType.RECOVERED,
        EventType.ROLLOUT_STARTED,
        EventType.ROLLOUT_STEP,
        EventType.PROMOTED,
    }
)
_FOR_A_PERSON = frozenset(
    {
        EventType.SYNC_FAILED,
        EventType.DEGRADED,
        EventType.ROLLED_BACK,
        EventType.HELD,
        EventType.UNVERIFIED,
        EventType.ROLLOUT_PAUSED,
        EventType.ROLLOUT_ABORTED,
    }
)


def is_progress(message: Message) -> bool:
    """Whether it edits the message that is there."""
    return message.event in _PROGRESS


def is_of_commit(message: Message) -> bool:
    """Whether it is a stage of a commit, good or bad."""
    return bool(message.commit) and message.event in _PROGRESS | _FOR_A_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingMessage:
    """A message in a chat, and the stages that it has shown.

    Attributes:
        application: as `namespace/name`.
        commit: the full name.
        at: when it was posted or edited last, aware, UTC.
        id: the receiver's; empty when there is no message that can be edited.
        steps: the last stages and their times, oldest first.
    """

    application: str
    commit: str
    at: datetime
    id: str = ""
    steps: tuple[tuple[EventType, datetime], ...] = ()

    def with_step(self, message: Message) -> Self:
        """The same one after a stage; repeats are one."""
        steps = self.steps[:-1] if self.steps and self.steps[-1][0] is message.event else self.steps
        return replace(self, steps=(*steps, (message.event, message.at))[-_STEPS:])

    def has_passed(self, message: Message) -> bool:
        """Whether a later stage was shown already."""
        return bool(self.steps) and message.at < self.steps[-1][1]

    @property
    def trail(self) -> str:
        """The stages in a line; empty for a single one."""
        if len(self.steps) < 2:  # noqa: PLR2004 - a line of one says what the title says
            return ""
        return " → ".join(f"{at:%H:%M} {words(event)}" for event, at in self.steps) + " (UTC)"

    def to_json(self) -> Object:
        """As kept in a status."""
        steps = [{"event": event.value, "at": _text(at)} for event, at in self.steps]
        return {"application": self.application, "commit": self.commit, "id": self.id, "at": _text(self.at), "steps": steps}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The one that was kept.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            return cls(
                application=str(value["application"]),
                commit=str(value["commit"]),
                at=_moment(value["at"]),
                id=str(value.get("id") or "")[:_ID],
                steps=tuple((EventType(step["event"]), _moment(step["at"])) for step in value.get("steps") or ())[-_STEPS:],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a message that is edited: {error}") from None


class LivingMessages:
    """The messages of one Notifier that can be edited; reads no clock.

    Args:
        raw: as a status keeps them; what is unreadable is left out.
    """

    def __init__(self, raw: Any = None) -> None:
        self._messages: dict[tuple[str, str], LivingMessage] = {}
        self.adopt(raw)

    def of(self, message: Message, now: datetime) -> LivingMessage:
        """The message of an application and commit, new where needed."""
        key = (str(message.application), message.commit)
        living = self._messages.get(key)
        if living is None or now - living.at > _AGE:
            return LivingMessage(application=key[0], commit=key[1], at=now)
        return living

    def put(self, living: LivingMessage) -> None:
        """Keeps a message; drops what is too much or too old."""
        if len(living.id) > _ID:
            living = replace(living, id="")
        self._messages.pop((living.application, living.commit), None)
        self._messages[living.application, living.commit] = living
        young = [other for other in self._messages.values() if living.at - other.at <= _AGE][-LIMIT:]
        self._messages = {(other.application, other.commit): other for other in young}

    def adopt(self, raw: Any) -> None:
        """Takes those of a status that are newer than ours."""
        for living in sorted(_readable(raw if isinstance(raw, list) else ()), key=lambda each: each.at):
            ours = self._messages.get((living.application, living.commit))
            if ours is None or ours.at < living.at:
                self.put(living)

    def to_json(self) -> list[Object]:
        """As kept in a status."""
        return [living.to_json() for living in self._messages.values()]


def _readable(raw: Iterable[Any]) -> Iterable[LivingMessage]:
    for value in raw:
        try:
            yield LivingMessage.from_json(value)
        except ValueError:
            continue


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
