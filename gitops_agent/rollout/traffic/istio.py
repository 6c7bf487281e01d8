"""Istio: weights, matches and mirrors of a VirtualService; DestinationRules.

`http`, `tls` and `tcp` are atomic lists, sent whole. Weights keep the sum that Git has (older releases demand 100) unless that
is below 100, where every weight is multiplied by 100. The canary is reached in one of two ways. By host, the usual one: the
canary's own Service; a DestinationRule of the service gets a twin for that host, or the canary would lose its traffic policy.
By subset: the same host, divided by labels; then the DestinationRule gets two subsets, and the Service has to select both.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from gitops_agent.manifest.canonical import canonical, copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.rollout.traffic.header_regex import cookie_pattern
from gitops_agent.rollout.traffic.istio_destinations import Subsets, overlaid_rules, rules_carry
from gitops_agent.rollout.traffic.istio_hosts import VIRTUAL_SERVICE, destination, is_istio, renamed, same_host, weight_of
from gitops_agent.rollout.traffic.reading import READY, broken, refused, unnamed, waiting
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror, Verification
from gitops_agent.rollout.traffic.weights import divide, fits

_PROTOCOLS = ("http", "tls", "tcp")
_WEIGHT_LIMIT = 1_000_000


class Istio:
    """VirtualService and DestinationRule.

    Args:
        subsets: divide the service's own host by labels instead of using the canary's Service.
    """

    def __init__(self, *, subsets: Subsets | None = None) -> None:
        self._subsets = subsets

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
        names = [is_istio(route, VIRTUAL_SERVICE) and _names(route, service) for route in routes]
        if not any(names):
            raise unnamed(service, VIRTUAL_SERVICE)
        if not weight and match is None and mirror is None:
            return tuple(routes)
        target = _Target(service, canary_service, self._subsets)
        changed = [
            _overlaid(route, target, weight, match, mirror) if mine else route
            for route, mine in zip(routes, names, strict=True)
        ]
        return overlaid_rules(changed, service=service, canary_service=canary_service, subsets=self._subsets)

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
        """As in `TrafficRouter`; Istio reports no uptake, so a settle time follows."""
        target = _Target(service, canary_service, self._subsets)
        routes = [route for route in live if is_istio(route, VIRTUAL_SERVICE) and _names(route, service)]
        if not routes:
            return waiting(f"no {VIRTUAL_SERVICE} names the Service {service}")
        for route in routes:
            for problem in items(mapping(route, "status").get("validationMessages")):
                if problem.get("level") == "ERROR":
                    return broken(f"Istio refuses the VirtualService: {mapping(problem, 'type').get('name') or 'invalid'}")
            if (late := _carries(route, target, weight, match, mirror)) is not None:
                return late
        shared = bool(weight or match or mirror)
        if shared and not rules_carry(live, service=service, canary_service=canary_service, subsets=self._subsets):
            return waiting("a DestinationRule does not hold what the canary needs yet")
        return READY


class _Target:
    """The two sides of a service, as destinations of one VirtualService."""

    def __init__(self, service: str, canary: str, subsets: Subsets | None) -> None:
        self._service, self._canary, self._subsets = service, canary, subsets

    @property
    def by_subset(self) -> bool:
        return self._subsets is not None

    def is_stable(self, backend: Object, obj: Object) -> bool:
        return same_host(destination(backend).get("host"), self._service, obj) and not self.is_canary(backend, obj)

    def is_canary(self, backend: Object, obj: Object) -> bool:
        if self._subsets is not None:
            return destination(backend).get("subset") == self._subsets.canary
        return same_host(destination(backend).get("host"), self._canary, obj)

    def stable(self, backend: Object) -> Object:
        if self._subsets is None:
            return backend
        return {**backend, "destination": {**destination(backend), "subset": self._subsets.stable}}

    def canary(self, backend: Object) -> Object:
        return {**copy(backend), "destination": self.place(destination(backend))}

    def place(self, stable: Object) -> Object:
        """The destination of the canary beside one of the service."""
        if self._subsets is not None:
            return {**stable, "subset": self._subsets.canary}
        kept = {name: value for name, value in stable.items() if name != "subset"}
        return {**kept, "host": renamed(stable.get("host"), self._canary)}


def _routes(obj: Object, protocol: str) -> list[Object]:
    return items(mapping(obj, "spec").get(protocol))


def _names(obj: Object, service: str) -> bool:
    return any(
        same_host(destination(backend).get("host"), service, obj)
        for protocol in _PROTOCOLS
        for route in _routes(obj, protocol)
        for backend in items(route.get("route"))
    )


def _overlaid(obj: Object, target: _Target, weight: int, match: Match | None, mirror: Mirror | None) -> Object:
    result = copy(obj)
    matched = False
    for protocol in _PROTOCOLS:
        changed: list[Object] = []
        for route in _routes(result, protocol):
            backends = items(route.get("route"))
            if any(target.is_canary(backend, obj) for backend in backends) or _mirrors(route, obj, target) is not None:
                raise refused(obj, "names the canary, which is the rollout's own")
            ours = [target.is_stable(backend, obj) for backend in backends]
            if target.by_subset and any(destination(backend).get("subset") for backend in itertools.compress(backends, ours)):
                raise refused(obj, "divides the service by subsets already, use the canary's own Service")
            if any(ours) and protocol == "http":
                matched = True
                if match is not None:
                    changed.append(_matching(obj, copy(route), target, match))
                if mirror is not None:
                    _mirror(obj, route, target, mirror)
            if any(ours):
                route["route"] = _weighted(backends, ours, target, weight)
            changed.append(route)
        if changed:
            result["spec"][protocol] = changed
    if not matched and (match is not None or mirror is not None):
        raise refused(obj, "has no http route to the service, and others know neither match nor mirror")
    return result


def _weighted(backends: list[Object], ours: list[bool], target: _Target, weight: int) -> list[Object]:
    placed = [target.stable(backend) if mine else backend for backend, mine in zip(backends, ours, strict=True)]
    if not weight:
        return placed
    weights = [weight_of(backend, alone=len(backends) == 1) for backend in backends]
    shares = divide(weights, ours, weight, limit=_WEIGHT_LIMIT, keep=100)
    stable = [{**backend, "weight": share.stable} for backend, share in zip(placed, shares, strict=True)]
    pairs = zip(backends, shares, ours, strict=True)
    return stable + [{**target.canary(backend), "weight": share.canary} for backend, share, mine in pairs if mine]


def _matching(obj: Object, route: Object, target: _Target, match: Match) -> Object:
    name = _header_name(match)
    for each in items(route.get("match")):
        if name in {str(other).lower() for other in mapping(each, "headers")}:
            raise refused(obj, f"already matches the header {name}, a second condition on it cannot be added")
    if route.get("name"):
        route["name"] = f"{route['name']}-canary"
    route["match"] = _narrowed(route, match)
    route["route"] = [
        target.canary(backend) if target.is_stable(backend, obj) else backend for backend in items(route.get("route"))
    ]
    return route


def _header_name(match: Match) -> str:
    return "cookie" if match.on is MatchOn.COOKIE else match.name.lower()


def _narrowed(route: Object, match: Match) -> list[Object]:
    condition: Mapping[str, Any]
    if match.on is MatchOn.COOKIE:
        condition = {"regex": cookie_pattern(match)}
    else:
        condition = {{MatchMode.EXACT: "exact", MatchMode.PREFIX: "prefix", MatchMode.REGEX: "regex"}[match.mode]: match.value}
    name = _header_name(match)
    bases = items(route.get("match")) or [{}]
    return [{**each, "headers": {**mapping(each, "headers"), name: dict(condition)}} for each in bases]


def _mirror(obj: Object, route: Object, target: _Target, mirror: Mirror) -> None:
    if route.get("mirror") or route.get("mirrors"):
        raise refused(obj, "has a route that is mirrored already")
    stable = next(destination(backend) for backend in items(route["route"]) if target.is_stable(backend, obj))
    route["mirror"] = target.place(stable)
    route["mirrorPercentage"] = {"value": float(mirror.percent)}


def _carries(obj: Object, target: _Target, weight: int, match: Match | None, mirror: Mirror | None) -> Verification | None:
    expected: list[bytes] = []
    copies: list[bytes] = []
    for protocol in _PROTOCOLS:
        for route in _routes(obj, protocol):
            backends = items(route.get("route"))
            alone = len(backends) == 1
            stable = [weight_of(each, alone=alone) for each in backends if target.is_stable(each, obj)]
            canary = [weight_of(each, alone=alone) for each in backends if target.is_canary(each, obj)]
            if not stable:
                copies += [canonical(route.get("match"))] if canary else []
                continue
            if not fits(sum(stable), sum(canary), weight, named=bool(canary)):
                return waiting(f"a route has the weights {sum(stable)} and {sum(canary)}, the canary is to get {weight} %")
            if protocol == "http" and _mirrors(route, obj, target) != (mirror.percent if mirror else None):
                return waiting("the mirror of a route is not the one that is wanted")
            if protocol == "http" and match is not None:
                expected.append(canonical(_narrowed(route, match)))
    return None if sorted(expected) == sorted(copies) else waiting("the routes in front for the match are not those wanted")


def _mirrors(route: Object, obj: Object, target: _Target) -> float | None:
    if not target.is_canary({"destination": mapping(route, "mirror")}, obj):
        return None
    value = mapping(route, "mirrorPercentage").get("value", 100)
    return float(value) if isinstance(value, int | float) else None
