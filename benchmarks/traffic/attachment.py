"""Attachment of routes to our Gateways, and the status of both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from benchmarks.traffic.backendref import Problem
from benchmarks.traffic.translation import Verdict
from gitops_agent.manifest.key import Object

CONTROLLER = "gitops-agent.dev/traffic"
"""The controllerName of our GatewayClass."""

_GROUP = "gateway.networking.k8s.io"

Gateways = dict[tuple[str, str], Object]
"""Ours, by namespace and name."""


def ours(gateways: Iterable[Object], class_name: str) -> Gateways:
    """The Gateways of our class."""
    return {
        (str(gateway["metadata"]["namespace"]), str(gateway["metadata"]["name"])): gateway
        for gateway in gateways
        if (gateway.get("spec") or {}).get("gatewayClassName") == class_name
    }


def parents(route: Object, gateways: Gateways) -> list[tuple[Object, Problem | None]]:
    """The parents of a route that are ours, with attachment errors."""
    attachments: list[tuple[Object, Problem | None]] = []
    namespace = str(route["metadata"]["namespace"])
    for ref in (route.get("spec") or {}).get("parentRefs") or []:
        if ref.get("kind", "Gateway") != "Gateway" or ref.get("group", _GROUP) != _GROUP:
            continue
        gateway = gateways.get((str(ref.get("namespace") or namespace), str(ref["name"])))
        if gateway is not None:
            attachments.append((ref, _refusal(ref, gateway, namespace)))
    return attachments


def route_status(
    route: Object, attached: list[tuple[Object, Problem | None]], verdict: Verdict, others: list[Object]
) -> Object:
    """The status of a route of this generation.

    Args:
        route: as it was translated.
        attached: see `parents`.
        verdict: of the translation.
        others: what other controllers say about it, kept as it is.
    """
    statuses = [
        {
            "parentRef": ref,
            "controllerName": CONTROLLER,
            "conditions": [
                _condition(route, "Accepted", refusal or verdict.accepted, "Accepted"),
                _condition(route, "ResolvedRefs", verdict.resolved, "ResolvedRefs"),
            ],
        }
        for ref, refusal in attached
    ]
    return {"parents": [*others, *statuses]}


def gateway_status(gateway: Object, address: str, port: int) -> Object:
    """The status of our Gateway: only listeners on our port are programmed."""
    listeners = [
        {
            "name": listener["name"],
            "attachedRoutes": 0,
            "supportedKinds": [{"group": _GROUP, "kind": "HTTPRoute"}],
            "conditions": [
                _condition(gateway, "Accepted", _unserved(listener, port), "Accepted"),
                _condition(gateway, "Programmed", _unserved(listener, port), "Programmed"),
                _condition(gateway, "ResolvedRefs", None, "ResolvedRefs"),
            ],
        }
        for listener in (gateway.get("spec") or {}).get("listeners") or []
    ]
    return {
        "addresses": [{"type": "IPAddress", "value": address}],
        "conditions": [
            _condition(gateway, "Accepted", None, "Accepted"),
            _condition(gateway, "Programmed", None, "Programmed"),
        ],
        "listeners": listeners,
    }


def class_status(gateway_class: Object) -> Object:
    """The status of our GatewayClass."""
    return {"conditions": [_condition(gateway_class, "Accepted", None, "Accepted")]}


def same(status: Object, other: Object) -> bool:
    """Whether two statuses say the same, whenever they came to say it."""
    return _timeless(status) == _timeless(other)


def _refusal(ref: Object, gateway: Object, namespace: str) -> Problem | None:
    spec = gateway.get("spec") or {}
    listeners = [
        listener
        for listener in spec.get("listeners") or []
        if ref.get("sectionName") in (None, listener.get("name")) and ref.get("port") in (None, listener.get("port"))
    ]
    if not listeners:
        return Problem(reason="NoMatchingParent", message="the Gateway has no such listener")
    home = str(gateway["metadata"]["namespace"])
    for listener in listeners:
        origin = ((listener.get("allowedRoutes") or {}).get("namespaces") or {}).get("from") or "Same"
        if origin == "All" or (origin == "Same" and namespace == home):
            return None
    return Problem(reason="NotAllowedByListeners", message=f"no listener takes routes of the namespace {namespace}")


def _unserved(listener: Object, port: int) -> Problem | None:
    if listener.get("protocol") != "HTTP" or listener.get("port") != port:
        return Problem(reason="PortUnavailable", message=f"only HTTP on port {port} is served here")
    return None


def _condition(obj: Object, kind: str, problem: Problem | None, good: str) -> Object:
    return {
        "type": kind,
        "status": "False" if problem else "True",
        "reason": problem.reason if problem else good,
        "message": problem.message if problem else "",
        "observedGeneration": int(obj["metadata"].get("generation") or 0),
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _timeless(value: object) -> object:
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key != "lastTransitionTime"}
    return [_timeless(each) for each in value] if isinstance(value, list) else value
