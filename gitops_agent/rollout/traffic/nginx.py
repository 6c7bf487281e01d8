"""ingress-nginx: a canary Ingress beside the user's unchanged one.

The canary Ingress has only those rules and paths of the original that lead to the service. It takes over the class, TLS and the
few annotations the controller reads of a canary (affinity and load balancing). A header comes before a cookie and both before
the weight, so one canary Ingress carries a match and a weight. The controller reports no uptake.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.rollout.traffic.header_regex import literal
from gitops_agent.rollout.traffic.reading import READY, is_ingress, refused, unnamed, unsupported, waiting
from gitops_agent.rollout.traffic.request import RouteRequest
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror, Verification

PREFIX = "nginx.ingress.kubernetes.io/"

_CLASS = "kubernetes.io/ingress.class"
_SHARED = ("load-balance", "upstream-hash-by", "affinity", "session-cookie-")


class Nginx:
    """Ingress of ingress-nginx."""

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
        """As in `TrafficRouter`, with a canary Ingress while there is a share."""
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        if mirror is not None:
            raise unsupported("nginx", "mirror requests to the canary")
        ours = [route for route in routes if is_ingress(route) and _rules(route, service)]
        if not ours:
            raise unnamed(service, "rule of an Ingress")
        annotations = _canary_annotations(ask) if not ask.nothing else {}
        for route in ours:
            if _annotations(route).get(PREFIX + "canary") == "true":
                raise refused(route, "is a canary Ingress itself")
        return (*routes, *([] if ask.nothing else [_canary(route, ask, annotations) for route in ours]))

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
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        ingresses = [route for route in live if is_ingress(route)]
        ours = [route for route in ingresses if _rules(route, service)]
        canaries = {ObjectKey.of(route): route for route in ingresses if _rules(route, canary_service)}
        if ask.nothing:
            return waiting("the canary Ingress is still there") if canaries else READY
        if mirror is not None:
            raise unsupported("nginx", "mirror requests to the canary")
        if not ours:
            return waiting(f"no Ingress leads to the Service {service}")
        expected = {PREFIX + name: value for name, value in _canary_annotations(ask).items()}
        for route in ours:
            beside = canaries.get(ObjectKey.of(_canary(route, ask, {})))
            if beside is None:
                return waiting("the canary Ingress is not there yet")
            annotations = {name: value for name, value in _annotations(beside).items() if name.startswith(PREFIX + "canary")}
            if annotations != expected:
                return waiting("the canary Ingress does not carry what is wanted yet")
        return READY


def _annotations(route: Object) -> dict[str, str]:
    return {str(name): str(value) for name, value in mapping(route, "metadata", "annotations").items()}


def _rules(route: Object, service: str) -> list[Object]:
    """The rules and paths that lead to a service."""
    result: list[Object] = []
    for rule in items(mapping(route, "spec").get("rules")):
        paths = items(mapping(rule, "http").get("paths"))
        ours = [path for path in paths if mapping(path, "backend", "service").get("name") == service]
        if ours:
            result.append({**rule, "http": {**mapping(rule, "http"), "paths": ours}})
    return result


def _canary(route: Object, ask: RouteRequest, annotations: dict[str, str]) -> Object:
    base = copy(route)
    metadata = mapping(base, "metadata")
    kept = {
        name: value
        for name, value in _annotations(base).items()
        if name == _CLASS or (name.startswith(PREFIX) and name.removeprefix(PREFIX).startswith(_SHARED))
    }
    spec = {name: base["spec"][name] for name in ("ingressClassName", "tls") if name in base["spec"]}
    spec["rules"] = _rules(base, ask.service)
    for rule in spec["rules"]:
        for path in rule["http"]["paths"]:
            path["backend"]["service"]["name"] = ask.canary
    named = {"name": f"{metadata.get('name')}-canary"}
    namespaced = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    merged = {**kept, **{PREFIX + name: value for name, value in annotations.items()}}
    return {
        "apiVersion": base["apiVersion"],
        "kind": "Ingress",
        "metadata": {**named, **namespaced, "annotations": merged},
        "spec": spec,
    }


def _canary_annotations(ask: RouteRequest) -> dict[str, str]:
    result = {"canary": "true", "canary-weight": str(ask.weight), "canary-weight-total": "100"}
    match = ask.match
    if match is None:
        return result
    if match.on is MatchOn.COOKIE:
        if match.mode is not MatchMode.EXACT or match.value != "always":
            raise unsupported("nginx", "match a cookie by another value than always")
        return {**result, "canary-by-cookie": match.name}
    result["canary-by-header"] = match.name
    if match.mode is MatchMode.EXACT:
        return {**result, "canary-by-header-value": match.value}
    pattern = match.value if match.mode is MatchMode.REGEX else f"^{literal(match.value)}"
    return {**result, "canary-by-header-pattern": pattern}
