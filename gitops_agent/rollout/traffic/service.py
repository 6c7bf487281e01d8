"""Plain Service: without weights, the share is the ratio of pods.

How many pods each side gets is decided elsewhere; here is only seen whether the endpoints show it. In this mode the Service
selects the pods of both sides and the canary's Service only the canary's, so an address that both EndpointSlices hold is one
of the canary.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.rollout.traffic.reading import READY, unsupported, waiting
from gitops_agent.rollout.traffic.router import Match, Mirror, Verification

_FULL = 100
_SERVICE = "kubernetes.io/service-name"


class PlainService:
    """Service, by its EndpointSlices."""

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
        """As in `TrafficRouter`: the routes as they are."""
        del service, canary_service, weight
        _supported(match, mirror)
        return tuple(routes)

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
        """As in `TrafficRouter`; `live` are the EndpointSlices of both Services."""
        _supported(match, mirror)
        total = ready_addresses(live, service)
        canary = total & ready_addresses(live, canary_service)
        if not total:
            return waiting(f"the Service {service} has no ready endpoints")
        if len(canary) in wanted_counts(len(total), weight):
            return READY
        return waiting(f"{len(canary)} of {len(total)} ready endpoints are of the canary, which is to get {weight} %")


def ready_addresses(live: Sequence[Object], service: str) -> frozenset[str]:
    """The ready addresses of a Service, one a pod."""
    pieces = [
        piece
        for piece in live
        if ObjectKey.of(piece).kind == "EndpointSlice" and mapping(piece, "metadata", "labels").get(_SERVICE) == service
    ]
    family = min((str(piece.get("addressType") or "") for piece in pieces), default="")
    return frozenset(
        str(address)
        for piece in pieces
        if str(piece.get("addressType") or "") == family
        for endpoint in items(piece.get("endpoints"))
        if mapping(endpoint, "conditions").get("ready") is not False
        for address in endpoint.get("addresses") or []
    )


def wanted_counts(total: int, weight: int) -> frozenset[int]:
    """The canary endpoints a share allows: rounded either way.

    A share that is neither nothing nor all
    leaves each side one pod.
    """
    if weight <= 0:
        return frozenset({0})
    if weight >= _FULL:
        return frozenset({total})
    exact = total * weight
    return (
        frozenset(max(1, min(total - 1, count)) for count in (exact // _FULL, -(-exact // _FULL))) if total > 1 else frozenset()
    )


def _supported(match: Match | None, mirror: Mirror | None) -> None:
    if match is not None:
        raise unsupported("service", "match requests")
    if mirror is not None:
        raise unsupported("service", "mirror requests")
