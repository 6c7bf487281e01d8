"""SMI TrafficSplit: weights only; uptake is not reported."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.rollout.traffic.reading import READY, refused, unnamed, unsupported, waiting
from gitops_agent.rollout.traffic.router import Match, Mirror, Verification
from gitops_agent.rollout.traffic.weights import divide, fits

_WEIGHT_LIMIT = 1_000_000


class Smi:
    """TrafficSplit."""

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
        """As in `TrafficRouter`."""
        _supported(match, mirror)
        ours = [_is_split(route) and _names(route, service) for route in routes]
        if not any(ours):
            raise unnamed(service, "TrafficSplit")
        if not weight:
            return tuple(routes)
        return tuple(
            _weighted(route, service, canary_service, weight) if mine else route
            for route, mine in zip(routes, ours, strict=True)
        )

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
        """As in `TrafficRouter`; the caller lets the provider's settle time pass afterwards."""
        _supported(match, mirror)
        splits = [route for route in live if _is_split(route) and _names(route, service)]
        if not splits:
            return waiting(f"no TrafficSplit names the Service {service}")
        for route in splits:
            stable, canary = (_weight(route, name) for name in (service, canary_service))
            if not fits(stable, canary, weight, named=_names(route, canary_service)):
                return waiting(f"a TrafficSplit has the weights {stable} and {canary}, the canary is to get {weight} %")
        return READY


def _supported(match: Match | None, mirror: Mirror | None) -> None:
    if match is not None:
        raise unsupported("smi", "match requests")
    if mirror is not None:
        raise unsupported("smi", "mirror requests")


def _is_split(obj: Object) -> bool:
    key = ObjectKey.of(obj)
    return key.group == "split.smi-spec.io" and key.kind == "TrafficSplit"


def _backends(route: Object) -> list[Object]:
    return items(mapping(route, "spec").get("backends"))


def _names(route: Object, service: str) -> bool:
    return any(backend.get("service") == service for backend in _backends(route))


def _weight(route: Object, service: str) -> int:
    return sum(number(backend.get("weight"), 0) for backend in _backends(route) if backend.get("service") == service)


def _weighted(route: Object, service: str, canary: str, weight: int) -> Object:
    if _names(route, canary):
        raise refused(route, f"names the Service {canary}, which is the rollout's own")
    result = copy(route)
    backends = _backends(result)
    if any(number(backend.get("weight"), -1) < 0 for backend in backends):
        raise refused(route, "has a weight that is not a whole number; version v1alpha2 or later is needed")
    ours = [backend.get("service") == service for backend in backends]
    shares = divide([backend["weight"] for backend in backends], ours, weight, limit=_WEIGHT_LIMIT)
    pairs = list(zip(backends, shares, ours, strict=True))
    result["spec"]["backends"] = [
        *({**backend, "weight": share.stable} for backend, share, _ in pairs),
        *({**backend, "service": canary, "weight": share.canary} for backend, share, mine in pairs if mine),
    ]
    return result
