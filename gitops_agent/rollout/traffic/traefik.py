"""Traefik: weighted services and mirrors in a TraefikService.

A TraefikService is either weighted or mirroring. Where both are needed, or a mirror is asked of a weighted one, the user's
object becomes the mirroring one, because routes refer to its name, and what it was stands beside it under a name of the
rollout's own. Matches belong to an IngressRoute and are not offered. Traefik reports no uptake.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.rollout.traffic.reading import READY, refused, unnamed, unsupported, waiting
from gitops_agent.rollout.traffic.request import RouteRequest
from gitops_agent.rollout.traffic.router import Match, Mirror, Verification
from gitops_agent.rollout.traffic.weights import divide, fits

_GROUPS = frozenset({"traefik.io", "traefik.containo.us"})
_WEIGHT_LIMIT = 1_000_000
_SUFFIX = "-weighted"
_KEPT = ("mirrors", "mirrorBody", "maxBodySize", "healthCheck")


class Traefik:
    """TraefikService."""

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
        """As in `TrafficRouter`; weights with a mirror take a second TraefikService."""
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        if match is not None:
            raise unsupported("traefik", "match requests")
        ours = [_is_service(route) and _names(route, service) for route in routes]
        if not any(ours):
            raise unnamed(service, "TraefikService")
        if ask.nothing:
            return tuple(routes)
        changed: list[Object] = []
        added: list[Object] = []
        for route, mine in zip(routes, ours, strict=True):
            user, own = _overlaid(route, ask) if mine else (route, None)
            changed.append(user)
            added += [own] if own is not None else []
        return (*changed, *added)

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
        if match is not None:
            raise unsupported("traefik", "match requests")
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        services = [route for route in live if _is_service(route)]
        named = [route for route in services if _names(route, service)]
        if not named:
            return waiting(f"no TraefikService names the Service {service}")
        for route in named:
            stable, canary = (_weight(route, name) for name in (service, canary_service))
            if not fits(stable, canary, weight, named=_names(route, canary_service)):
                return waiting(f"a TraefikService has the weights {stable} and {canary}, the canary is to get {weight} %")
        mirrored = {_mirrors(route, canary_service) for route in services} - {None}
        if mirrored != ({ask.mirrored} - {None}):
            return waiting("the mirror is not the one that is wanted")
        return READY


def _is_service(obj: Object) -> bool:
    key = ObjectKey.of(obj)
    return key.group in _GROUPS and key.kind == "TraefikService"


def _is(backend: Object, service: str) -> bool:
    return backend.get("name") == service and backend.get("kind", "Service") == "Service"


def _weighted(route: Object) -> list[Object]:
    return items(mapping(route, "spec", "weighted").get("services"))


def _names(route: Object, service: str) -> bool:
    return any(_is(backend, service) for backend in [*_weighted(route), mapping(route, "spec", "mirroring")])


def _weight(route: Object, service: str) -> int:
    if _is(mapping(route, "spec", "mirroring"), service):
        return 1
    return sum(number(backend.get("weight"), 1) for backend in _weighted(route) if _is(backend, service))


def _mirrors(route: Object, canary: str) -> int | None:
    for each in items(mapping(route, "spec", "mirroring").get("mirrors")):
        if _is(each, canary):
            return number(each.get("percent"), 100)
    return None


def _overlaid(route: Object, ask: RouteRequest) -> tuple[Object, Object | None]:
    if _names(route, ask.canary) or _mirrors(route, ask.canary) is not None:
        raise refused(route, f"names the Service {ask.canary}, which is the rollout's own")
    result = copy(route)
    mirroring = mapping(result, "spec", "mirroring")
    backends = _weighted(result) or [{name: value for name, value in mirroring.items() if name not in _KEPT}]
    sticky = {name: value for name, value in mapping(result, "spec", "weighted").items() if name != "services"}
    spec = {"weighted": {**sticky, "services": _divided(backends, ask) if ask.weight else backends}}
    if not mirroring and ask.mirror is None:
        return {**result, "spec": {**result["spec"], **spec}}, None
    kept = {name: value for name, value in mirroring.items() if name in _KEPT}
    if ask.mirror is not None:
        port = next((backend.get("port") for backend in backends if _is(backend, ask.service)), None)
        ported = {"port": port} if port is not None else {}
        added = {"name": ask.canary, **ported, "percent": ask.mirror.percent}
        kept["mirrors"] = [*items(kept.get("mirrors")), added]
    if mirroring and not ask.weight:
        return {**result, "spec": {**result["spec"], "mirroring": {**mirroring, **kept}}}, None
    own = _own(result, spec)
    others = {name: value for name, value in result["spec"].items() if name not in {"weighted", "mirroring"}}
    first = {"name": own["metadata"]["name"], "kind": "TraefikService", **kept}
    return {**result, "spec": {**others, "mirroring": first}}, own


def _divided(backends: list[Object], ask: RouteRequest) -> list[Object]:
    ours = [_is(backend, ask.service) for backend in backends]
    weights = [number(backend.get("weight"), 1) for backend in backends]
    pairs = list(zip(backends, divide(weights, ours, ask.weight, limit=_WEIGHT_LIMIT), ours, strict=True))
    return [
        *({**backend, "weight": share.stable} for backend, share, _ in pairs),
        *({**backend, "name": ask.canary, "weight": share.canary} for backend, share, mine in pairs if mine),
    ]


def _own(route: Object, spec: Object) -> Object:
    metadata = mapping(route, "metadata")
    namespaced = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    return {
        "apiVersion": route["apiVersion"],
        "kind": "TraefikService",
        "metadata": {"name": f"{metadata.get('name')}{_SUFFIX}", **namespaced},
        "spec": spec,
    }
