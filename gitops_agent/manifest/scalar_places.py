"""Finds the single values of a YAML text, and where they stand.

A value that was found can be exchanged without touching another character, so comments, order and style stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.pointer import pointer
from gitops_agent.manifest.text import decode
from gitops_agent.manifest.yaml import DocumentEvent, EndEvent, ScalarEvent, StartEvent, events

_LIMITS = YamlLimits(bytes=1024 * 1024, nodes=200_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarPlace:
    """A single value in a text.

    Attributes:
        document: zero-based.
        path: JSON pointer within the document.
        text: as a text, without quotes.
        plain: it stands without quotes, so it may be a number or a boolean.
        line: one-based.
        start: of the characters it takes, in the decoded text.
        end: behind them.
    """

    document: int
    path: str
    text: str
    plain: bool
    line: int
    start: int
    end: int


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    mapping: bool
    key: str | None = None
    count: int = 0

    @property
    def step(self) -> str:
        """The step to the value that is being read."""
        return (self.key or "") if self.mapping else str(self.count)

    def ended(self) -> None:
        """The value was read."""
        self.key, self.count = None, self.count + 1


@dataclass(slots=True)
class _Places:
    """What is open at the present event."""

    document: int = -1
    frames: list[_Frame] = field(default_factory=list)

    @property
    def path(self) -> str:
        return pointer(*(frame.step for frame in self.frames))


def scalar_places(data: bytes, *, file: str) -> Iterator[ScalarPlace]:
    """The single values of a text, in its order.

    Raises:
        RenderError: it cannot be read, or holds anchors.
    """
    at = _Places()
    for event in events(data, file=file, limits=_LIMITS):
        top = at.frames[-1] if at.frames else None
        if isinstance(event, DocumentEvent):
            at.document, at.frames = at.document + 1, []
        elif isinstance(event, StartEvent):
            at.frames.append(_Frame(event.mapping))
        elif isinstance(event, EndEvent):
            at.frames.pop()
            if at.frames:
                at.frames[-1].ended()
        elif isinstance(event, ScalarEvent):
            if top is not None and top.mapping and top.key is None:
                top.key = event.text
                continue
            yield ScalarPlace(
                document=at.document,
                path=at.path,
                text=event.text,
                plain=event.plain,
                line=event.line,
                start=event.start,
                end=event.end,
            )
            if top is not None:
                top.ended()


def exchanged(data: bytes, place: ScalarPlace, text: str, *, file: str) -> bytes:
    """The text with other characters at a place.

    Args:
        data: what the place was found in.
        place: where.
        text: as it is to stand there, quoted where it has to be.
        file: for errors.
    """
    body = text_of(data, file=file)
    return (body[: place.start] + text + body[place.end :]).encode()


def text_of(data: bytes, *, file: str) -> str:
    """The decoded text, in which places are counted."""
    return decode(data, file=file, limits=_LIMITS)
