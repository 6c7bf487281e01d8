"""The events of `GET …/logs/…?follow=true`: lines as they are written.

Beside these the events `bye` and `signed-out` of the stream of changes: after `bye` a viewer asks again, with `since` naming
the last line it has; lines with that very time may come once more.
"""

from __future__ import annotations

from gitops_agent.server.views.base import View
from gitops_agent.server.views.timeline import LogLine


class LogLinesEvent(View):
    """Lines that were written since the event before."""

    lines: tuple[LogLine, ...]
    """By container in their order."""

    dropped: int = 0
    """Lines left out before them because they came faster than they were taken."""


class LogProblemEvent(View):
    """A container whose log cannot be read, or no more."""

    pod: str
    """Of which pod."""

    container: str
    """Which one."""

    why: str
    """For people."""
