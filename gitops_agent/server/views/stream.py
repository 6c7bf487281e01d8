"""The events of `GET /api/v1/stream`: states, never a log.

The `id` of an event is `<epoch>-<seq>`, and EventSource sends it back when it connects again. Another epoch, or a gap that is
too long, is answered with `reset`: fetch the list anew. A viewer that reads slowly gets fewer and newer states.
"""

from __future__ import annotations

from enum import StrEnum

from gitops_agent.server.views.applications import COLUMNS, ApplicationRow
from gitops_agent.server.views.base import ApplicationName, Time, View


class EventName(StrEnum):
    """The names of events."""

    HELLO = "hello"
    ROWS = "rows"
    GONE = "gone"
    APP = "app"
    AGENT = "agent"
    RESET = "reset"
    BYE = "bye"
    SIGNED_OUT = "signed-out"
    LINES = "lines"
    PROBLEM = "problem"


class Hello(View):
    """The first event of a connection."""

    epoch: str
    """Names the process that counts the changes."""

    seq: int
    """The last change."""

    time: Time
    """The server's time."""

    columns: tuple[str, ...] = COLUMNS
    """The names of the places of a row."""

    heartbeat_seconds: int = 15
    """How often a comment comes when nothing else does."""


class RowsEvent(View):
    """Applications that are new or changed: their present state."""

    rows: tuple[ApplicationRow, ...]
    """As in the list."""


class GoneEvent(View):
    """Applications that are gone, or that the viewer may no longer see."""

    applications: tuple[ApplicationName, ...]
    """Which ones."""


class AppEvent(View):
    """Something of a subscribed Application (`app:namespace/name`) changed: fetch its open tabs again."""

    application: ApplicationName
    """Which one."""

    resource_version: str
    """Its version now."""

    parts: tuple[str, ...] = ("application",)
    """What changed: application, tree, rollout."""


class AgentEvent(View):
    """The agent page (topic `agent`) changed: fetch it again."""

    time: Time
    """The server's time."""


class ResetEvent(View):
    """The viewer has to fetch everything again."""

    why: str
    """`epoch`, `gap` or `slow`."""


class ByeEvent(View):
    """The server ends the stream; connect again."""

    retry_ms: int
    """After how many milliseconds."""

    why: str = ""
    """`age`, `shutdown` or `limit`."""


class SignedOutEvent(View):
    """The session is over: do not connect again before a sign-in."""

    why: str = ""
    """For people."""
