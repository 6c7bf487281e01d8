"""Arguments of an overlay as one value."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.rollout.traffic.router import Match, Mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRequest:
    """The arguments of a provider's two functions; see `Provider`."""

    service: str
    canary: str
    weight: int
    match: Match | None
    mirror: Mirror | None

    @property
    def nothing(self) -> bool:
        """Whether the routes are to be exactly Git's."""
        return not self.weight and self.match is None and self.mirror is None

    @property
    def mirrored(self) -> int | None:
        """The percentage of the mirror."""
        return self.mirror.percent if self.mirror is not None else None
