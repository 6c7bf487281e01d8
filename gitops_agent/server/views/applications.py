"""The list of Applications: rows as arrays, worst first, with counts.

A row is an array and no object: ten thousand of them are half as long, and every row of the stream is one of these as well.
`columns` of the answer names the places, so a reader needs no knowledge of their order.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from gitops_agent.api.application_row import State
from gitops_agent.server.views.base import Time, View


class Counts(NamedTuple):
    """Objects of an Application."""

    total: Annotated[int, Field(description="Declared objects.")] = 0
    drifted: Annotated[int, Field(description="Those that differ from their declaration.")] = 0
    unhealthy: Annotated[int, Field(description="Those that are not healthy.")] = 0


class RolloutMark(NamedTuple):
    """The most urgent rollout of an Application."""

    phase: Annotated[str, Field(description="As in the RolloutPolicy's status.")]
    weight: Annotated[int, Field(description="Percent of the traffic that is to go to the new version.")]
    verified: Annotated[bool | None, Field(description="Whether that share is in force; null when it is not known.")]


class ApplicationRow(NamedTuple):
    """One Application; nothing in it changes with the clock alone."""

    ns: Annotated[str, Field(description="The namespace.")]
    name: Annotated[str, Field(description="The name.")]
    state: Annotated[State, Field(description="What it is like, in one word.")]
    ready: Annotated[str, Field(description="The condition Ready: True, False or Unknown.")]
    reason: Annotated[str, Field(description="Why: a code from the table of reasons.")]
    sync: Annotated[str, Field(description="Synced, OutOfSync or Unknown.")]
    health: Annotated[str, Field(description="The worst health of its objects.")]
    message: Annotated[str, Field(description="Why, for people; at most 160 letters.")]
    applied: Annotated[str, Field(description="The applied commit, twelve digits.")]
    seen: Annotated[str, Field(description="The newest commit, twelve digits.")]
    subject: Annotated[str, Field(description="First line of the newest commit's message; at most 80 letters.")]
    author: Annotated[str, Field(description="Author of the newest commit.")]
    changedAt: Annotated[str, Field(description="When Ready last changed.")]  # noqa: N815 - the name on the wire
    counts: Annotated[Counts, Field(description="Its objects: total, drifted, unhealthy.")]
    rollout: Annotated[RolloutMark | None, Field(description="Its most urgent rollout: phase, weight, verified.")]
    held: Annotated[str, Field(description="Twelve digits of the hash that waits for an approval; else empty.")]
    paused: Annotated[str | None, Field(description="Why it is paused; null when it is not.")]
    labels: Annotated[dict[str, str], Field(description="Its labels.")]


COLUMNS = ApplicationRow._fields


class StateCounts(View):
    """How many visible Applications are in which state."""

    degraded: int = 0
    """Degraded, rolled back or failed."""

    held: int = 0
    """Waiting for an approval."""

    missing: int = 0
    """Without their objects."""

    unknown: int = 0
    """Not reconciled."""

    progressing: int = 0
    """On their way."""

    paused: int = 0
    """Suspended by a person."""

    healthy: int = 0
    """Ready."""


class ApplicationList(View):
    """A page of Applications."""

    epoch: str
    """Names the process that counts the changes; another epoch means: load everything again."""

    seq: int
    """The last change in this answer: `GET /api/v1/stream` goes on after `<epoch>-<seq>`."""

    columns: tuple[str, ...] = COLUMNS
    """The names of the places of a row."""

    rows: tuple[ApplicationRow, ...] = ()
    """The page."""

    total: int = 0
    """How many there are in all pages, after the filter."""

    counts: StateCounts = StateCounts()
    """States over all Applications that the viewer may see, before the filter."""

    continue_: Annotated[str, Field(alias="continue")] = ""
    """The value of `continue` for the next page; empty on the last one."""

    namespaces: tuple[str, ...] = ()
    """The namespaces the viewer sees Applications of."""

    as_of: Time = ""
    """The server's time."""

    source: str = "memory"
    """`memory` of the agent, or `cluster` where only the API server was read."""
