"""Reads the trace of a build from a commit. Pure.

CI writes the trailer `Traceparent: 00-<trace>-<span>-<flags>` (W3C Trace Context) into the commit that it makes. Any author of
a commit may write one, so nothing but these digits is read, and they only become a link: the trace of the agent is its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TRAILER = re.compile(r"traceparent: {0,8}00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})[ \t\r]{0,8}", re.IGNORECASE)
_LINKS = 8
_ZERO = frozenset("0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLink:
    """A span of another trace.

    Attributes:
        trace: its trace.
        span: its span.
        sampled: whether that trace was recorded.
    """

    trace: int
    span: int
    sampled: bool


def links(message: str) -> tuple[TraceLink, ...]:
    """The traces that the trailers of a commit message name.

    Trailers are the last paragraph, as for Git; the first eight count.
    """
    paragraph = message.rstrip().rpartition("\n\n")[2]
    matches = (_TRAILER.fullmatch(line) for line in paragraph.split("\n"))
    valid = (match for match in matches if match and not {frozenset(match[1]), frozenset(match[2])} & {_ZERO})
    named = dict.fromkeys(
        TraceLink(trace=int(match[1], 16), span=int(match[2], 16), sampled=bool(int(match[3], 16) & 1)) for match in valid
    )
    return tuple(named)[:_LINKS]
