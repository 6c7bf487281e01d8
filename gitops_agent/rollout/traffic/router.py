"""Protocol of a traffic provider: lay a share over routes, verify it.

Problem: tools that patch routes relative to what is live, or keep a copy of "the original" in an annotation, lose what Git
changes in the meantime. Decision: a provider never sees the live route while it renders. It takes the routes as Git has them
and gives them back whole, with the share laid over; with nothing to lay over it gives back exactly what Git has. Whether the
share is in force is read elsewhere, from the live routes, and is a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gitops_agent.manifest.key import Object


class MatchOn(StrEnum):
    """Part of a request that a match reads."""

    HEADER = "header"
    COOKIE = "cookie"


class MatchMode(StrEnum):
    """How it is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Requests that go to the canary whatever the weight is.

    Attributes:
        on: a header or a cookie.
        name: of the header or cookie.
        value: what it is compared with.
        mode: how.
    """

    on: MatchOn
    name: str
    value: str
    mode: MatchMode = MatchMode.EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Requests that the canary gets a copy of, its answers discarded.

    Attributes:
        percent: of all requests, 1 to 100.
    """

    percent: int


class Verdict(StrEnum):
    """What the live routes say."""

    READY = "ready"
    NOT_YET = "not_yet"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether the share is in force.

    Attributes:
        verdict: ready, not yet, or an error that waiting does not fix.
        reason: for people; empty when ready.
    """

    verdict: Verdict
    reason: str = ""


class TrafficRouter(Protocol):
    """One way to split traffic."""

    def overlay(
        self,
        routes: Sequence[Object],
        *,
        service: str,
        canary_service: str,
        weight: int,
        match: Match | None,
        mirror: Mirror | None,
    ) -> tuple[Object, ...]:
        """The routes to send, followed by objects of the provider's own.

        Args:
            routes: the route objects as Git has them; never mutated.
            service: the name of the Service whose traffic is split.
            canary_service: the name of the Service of the canary.
            weight: percent of the requests, 0 to 100. With 0, no match and no mirror the result equals `routes`.
            match: requests that go to the canary whatever the weight is.
            mirror: requests the canary gets a copy of.

        Raises:
            RenderError: the routes cannot carry what is asked, e.g. none of them names the service.
        """
        ...

    def verify(
        self,
        live: Sequence[Object],
        *,
        service: str,
        canary_service: str,
        weight: int,
        match: Match | None,
        mirror: Mirror | None,
    ) -> Verification:
        """Whether the live objects carry the share and it took effect.

        Args:
            live: the objects `overlay` gave, as they are in the cluster now; those that are absent are left out.
            service: as for `overlay`.
            canary_service: as for `overlay`.
            weight: as for `overlay`.
            match: as for `overlay`.
            mirror: as for `overlay`.
        """
        ...
