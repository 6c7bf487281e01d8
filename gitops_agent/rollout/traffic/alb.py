"""AWS Load Balancer Controller: a forward action in an Ingress annotation.

The user's Ingress has a backend named as the action, with the port `use-annotation`, and the action forwards to a target group
of the service. The annotation is one text, rendered whole: the groups' weights divided, everything else of the action kept. A
match is a second action in front, with conditions of its own. What the load balancer does cannot be read from the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.rollout.traffic.reading import READY, is_ingress, refused, unnamed, unsupported, waiting
from gitops_agent.rollout.traffic.request import RouteRequest
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror, Verification
from gitops_agent.rollout.traffic.weights import divide, fits

PREFIX = "alb.ingress.kubernetes.io/"

_ACTIONS, _CONDITIONS = PREFIX + "actions.", PREFIX + "conditions."
_WEIGHT_LIMIT = 999
_WILD = frozenset("*?")


class Alb:
    """Ingress of the AWS Load Balancer Controller."""

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
        if mirror is not None:
            raise unsupported("alb", "mirror requests")
        by_route = [_actions(route, service) if is_ingress(route) else {} for route in routes]
        if not any(by_route):
            raise unnamed(service, "Ingress with a forward action")
        if ask.nothing:
            return tuple(routes)
        return tuple(
            _overlaid(route, actions, ask) if actions else route for route, actions in zip(routes, by_route, strict=True)
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
        ask = RouteRequest(service=service, canary=canary_service, weight=weight, match=match, mirror=mirror)
        if mirror is not None:
            raise unsupported("alb", "mirror requests")
        by_route = [(route, _actions(route, service)) for route in live if is_ingress(route)]
        if not any(actions for _, actions in by_route):
            return waiting(f"no Ingress has a forward action for the Service {service}")
        for route, actions in by_route:
            for action in actions.values():
                stable, canary = (_weight(action, name) for name in (service, canary_service))
                named = any(group.get("serviceName") == canary_service for group in _groups(action))
                if not fits(stable, canary, weight, named=named):
                    return waiting(f"an action has the weights {stable} and {canary}, the canary is to get {weight} %")
            alone = {name for name in _actions(route, canary_service) if name not in actions}
            if alone != ({_front(name) for name in actions} if match is not None else set()):
                return waiting("the actions in front for the match are not the ones that are wanted")
            if match is not None and any(_condition(route, ask) not in _conditions(route, name) for name in alone):
                return waiting("an action in front is of another match")
            if actions and not items(mapping(route, "status", "loadBalancer").get("ingress")):
                return waiting("the Ingress has no load balancer yet")
        return READY


def _annotations(route: Object) -> Object:
    return mapping(route, "metadata", "annotations")


def _json(route: Object, name: str, text: Any) -> Any:
    try:
        return orjson.loads(str(text))
    except orjson.JSONDecodeError:
        raise refused(route, f"has an annotation {name} that is not JSON") from None


def _actions(route: Object, service: str) -> dict[str, Object]:
    """The forward actions that name a service, by action name."""
    result: dict[str, Object] = {}
    for name, text in _annotations(route).items():
        if name.startswith(_ACTIONS):
            action = _json(route, name, text)
            if any(group.get("serviceName") == service for group in _groups(action)):
                result[name.removeprefix(_ACTIONS)] = action
    return result


def _groups(action: Any) -> list[Object]:
    return items(mapping(action, "forwardConfig").get("targetGroups"))


def _weight(action: Object, service: str) -> int:
    return sum(number(group.get("weight"), 1) for group in _groups(action) if group.get("serviceName") == service)


def _conditions(route: Object, action: str) -> list[Object]:
    text = _annotations(route).get(_CONDITIONS + action)
    return items(_json(route, _CONDITIONS + action, text)) if text is not None else []


def _front(action: str) -> str:
    return f"{action}-canary"


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _overlaid(route: Object, actions: dict[str, Object], ask: RouteRequest) -> Object:
    if _actions(route, ask.canary):
        raise refused(route, f"has an action for the Service {ask.canary}, which is the rollout's own")
    result = copy(route)
    annotations = result["metadata"]["annotations"]
    for name, action in actions.items():
        if ask.match is not None:
            annotations[_ACTIONS + _front(name)] = _text(_replaced(action, ask))
            annotations[_CONDITIONS + _front(name)] = _text([*_conditions(route, name), _condition(route, ask)])
        if ask.weight:
            annotations[_ACTIONS + name] = _text(_divided(action, ask))
    if ask.match is not None:
        _put_in_front(result, set(actions))
    return result


def _divided(action: Object, ask: RouteRequest) -> Object:
    groups = _groups(action)
    ours = [group.get("serviceName") == ask.service for group in groups]
    shares = divide([number(group.get("weight"), 1) for group in groups], ours, ask.weight, limit=_WEIGHT_LIMIT)
    pairs = list(zip(groups, shares, ours, strict=True))
    divided = [
        *({**group, "weight": share.stable} for group, share, _ in pairs),
        *({**group, "serviceName": ask.canary, "weight": share.canary} for group, share, mine in pairs if mine),
    ]
    return {**action, "forwardConfig": {**action["forwardConfig"], "targetGroups": divided}}


def _replaced(action: Object, ask: RouteRequest) -> Object:
    groups = [
        {**group, "serviceName": ask.canary} if group.get("serviceName") == ask.service else group for group in _groups(action)
    ]
    return {**action, "forwardConfig": {**action["forwardConfig"], "targetGroups": groups}}


def _put_in_front(route: Object, names: set[str]) -> None:
    put = False
    for rule in items(mapping(route, "spec").get("rules")):
        paths: list[Object] = []
        for path in items(mapping(rule, "http").get("paths")):
            backend = mapping(path, "backend", "service")
            name = str(backend.get("name"))
            if name in names and mapping(backend, "port").get("name") == "use-annotation":
                front = copy(path)
                front["backend"]["service"]["name"] = _front(name)
                paths.append(front)
                put = True
            paths.append(path)
        if paths:
            rule["http"]["paths"] = paths
    if not put:
        raise refused(route, "has no path that uses the action, so a match has no place")


def _condition(route: Object, ask: RouteRequest) -> Object:
    match = ask.match
    if match is None or match.mode is MatchMode.REGEX:
        raise unsupported("alb", "match a regular expression")
    if _WILD & set(match.value + match.name):
        raise refused(route, "cannot match a name or value with * or ?, which the load balancer takes for wildcards")
    if match.on is MatchOn.COOKIE:
        if match.mode is MatchMode.PREFIX:
            values = [f"{match.name}={match.value}*", f"*; {match.name}={match.value}*"]
        else:
            pair = f"{match.name}={match.value}"
            values = [pair, f"{pair};*", f"*; {pair}", f"*; {pair};*"]
        return {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "Cookie", "values": values}}
    value = match.value + ("*" if match.mode is MatchMode.PREFIX else "")
    return {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": match.name, "values": [value]}}
