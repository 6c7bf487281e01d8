"""Gateway API: weights, matches and mirrors of HTTPRoute and GRPCRoute.

`spec.rules` is one atomic list, sent whole. A weight multiplies all weights of a rule by 100 and divides that of the service.
A match copies the rule and puts the copy in front, with the header added to each of the rule's matches: the copy is more
specific than its original, so the order of precedence that the API defines prefers it too. A rule where the canary stands
without the service beside it is such a copy; that is how it is recognised, not by a name.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.manifest.canonical import canonical, copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.rollout.traffic.gateway_status import accepted
from gitops_agent.rollout.traffic.header_regex import cookie_pattern, header_pattern
from gitops_agent.rollout.traffic.reading import READY, namespace, refused, unnamed, waiting
from gitops_agent.rollout.traffic.request import RouteRequest
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror, Verification
from gitops_agent.rollout.traffic.weights import divide, fits

GROUP, KINDS = "gateway.networking.k8s.io", ("HTTPRoute", "GRPCRoute")

_WEIGHT_LIMIT = 1_000_000
_RULES_LIMIT = 16
_NAME_LIMIT = 253


class GatewayAPI:
    """HTTPRoute and GRPCRoute."""

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
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        ours = [is_route(route) and _names(route, service) for route in routes]
        if not any(ours):
            raise unnamed(service, "HTTPRoute or GRPCRoute")
        return tuple(_overlaid(route, ask) if mine else route for route, mine in zip(routes, ours, strict=True))

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
        """As in `TrafficRouter`: all parents accepted this generation and its backends."""
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        routes = [route for route in live if is_route(route) and (_names(route, service) or _names(route, canary_service))]
        if not routes:
            return waiting(f"no HTTPRoute or GRPCRoute names the Service {service}")
        for route in routes:
            verification = _carries(route, ask) or accepted(route)
            if verification is not None:
                return verification
        return READY


def is_route(route: Object) -> bool:
    """Whether an object is a route of this API."""
    key = ObjectKey.of(route)
    return key.group == GROUP and key.kind in KINDS


def _is(ref: Object, service: str, route: Object) -> bool:
    return (
        ref.get("name") == service
        and ref.get("kind", "Service") == "Service"
        and not ref.get("group")
        and str(ref.get("namespace") or namespace(route)) == namespace(route)
    )


def _backends(rule: Object) -> list[Object]:
    return items(rule.get("backendRefs"))


def _rules(route: Object) -> list[Object]:
    return items(mapping(route, "spec").get("rules"))


def _names(route: Object, service: str) -> bool:
    return any(_has(rule, service, route) for rule in _rules(route))


def _overlaid(route: Object, ask: RouteRequest) -> Object:
    if _names(route, ask.canary) or any(_mirrors(rule, ask.canary) is not None for rule in _rules(route)):
        raise refused(route, f"names the Service {ask.canary}, which is the rollout's own")
    result = copy(route)
    rules: list[Object] = []
    for rule in _rules(result):
        ours = [_is(ref, ask.service, route) for ref in _backends(rule)]
        if not any(ours):
            rules.append(rule)
            continue
        if ask.match is not None:
            rules.append(_matching(route, copy(rule), ours, ask.canary, ask.match))
        if ask.mirror is not None:
            rule["filters"] = _mirrored(rule, ours, ask.canary, ask.mirror)
        if ask.weight:
            rule["backendRefs"] = _weighted(_backends(rule), ours, ask.canary, ask.weight)
        rules.append(rule)
    if len(rules) > max(_RULES_LIMIT, len(_rules(route))):
        raise refused(route, f"has {len(rules)} rules with those of the match, {_RULES_LIMIT} are allowed")
    result["spec"]["rules"] = rules
    return result


def _weighted(refs: list[Object], ours: list[bool], canary: str, weight: int) -> list[Object]:
    shares = divide([number(ref.get("weight"), 1) for ref in refs], ours, weight, limit=_WEIGHT_LIMIT)
    result = [{**ref, "weight": share.stable} for ref, share in zip(refs, shares, strict=True)]
    added = [
        {**copy(ref), "name": canary, "weight": share.canary}
        for ref, share, mine in zip(refs, shares, ours, strict=True)
        if mine
    ]
    return result + added


def _matching(route: Object, rule: Object, ours: list[bool], canary: str, match: Match) -> Object:
    header = _header(route, match)
    for each in items(rule.get("matches")):
        taken = {str(other.get("name")).lower() for other in items(each.get("headers"))}
        if header["name"].lower() in taken:
            raise refused(route, f"already matches the header {header['name']}, a second condition on it cannot be added")
    if rule.get("name"):
        rule["name"] = f"{rule['name'][: _NAME_LIMIT - 7]}-canary"
    rule["matches"] = _narrowed(rule, header)
    rule["backendRefs"] = [{**ref, "name": canary} if mine else ref for ref, mine in zip(_backends(rule), ours, strict=True)]
    return rule


def _header(route: Object, match: Match) -> Object:
    if match.on is MatchOn.COOKIE:
        if route.get("kind") == "GRPCRoute":
            raise refused(route, "cannot match a cookie: gRPC has none")
        return {"type": "RegularExpression", "name": "Cookie", "value": cookie_pattern(match)}
    if match.mode is MatchMode.EXACT:
        return {"type": "Exact", "name": match.name, "value": match.value}
    return {"type": "RegularExpression", "name": match.name, "value": header_pattern(match)}


def _mirrored(rule: Object, ours: list[bool], canary: str, mirror: Mirror) -> list[Object]:
    port = next((ref.get("port") for ref, mine in zip(_backends(rule), ours, strict=False) if mine), None)
    backend = {"name": canary, **({"port": port} if port is not None else {})}
    added = {"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": mirror.percent}}
    return [*items(rule.get("filters")), added]


def _carries(route: Object, ask: RouteRequest) -> Verification | None:
    copies = [rule for rule in _rules(route) if _has(rule, ask.canary, route) and not _has(rule, ask.service, route)]
    expected: list[list[Object]] = []
    for rule in _rules(route):
        if not _has(rule, ask.service, route):
            continue
        stable, canary = (_weight(rule, name, route) for name in (ask.service, ask.canary))
        if not fits(stable, canary, ask.weight, named=_has(rule, ask.canary, route)):
            return waiting(f"a rule has the weights {stable} and {canary}, the canary is to get {ask.weight} %")
        if _mirrors(rule, ask.canary) != ask.mirrored:
            return waiting("the mirror of a rule is not the one that is wanted")
        if ask.match is not None:
            expected.append(_narrowed(rule, _header(route, ask.match)))
    if sorted(map(canonical, expected)) != sorted(canonical(rule.get("matches")) for rule in copies):
        return waiting("the rules in front for the match are not the ones that are wanted")
    return None


def _weight(rule: Object, service: str, route: Object) -> int:
    return sum(number(ref.get("weight"), 1) for ref in _backends(rule) if _is(ref, service, route))


def _has(rule: Object, service: str, route: Object) -> bool:
    return any(_is(ref, service, route) for ref in _backends(rule))


def _narrowed(rule: Object, header: Object) -> list[Object]:
    return [{**each, "headers": [*items(each.get("headers")), header]} for each in items(rule.get("matches")) or [{}]]


def _mirrors(rule: Object, canary: str) -> int | None:
    for each in items(rule.get("filters")):
        if mapping(each, "requestMirror", "backendRef").get("name") == canary:
            return number(mapping(each, "requestMirror").get("percent"), 100)
    return None
