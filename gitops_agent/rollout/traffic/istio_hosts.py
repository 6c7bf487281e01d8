"""Hosts of Istio: four spellings of a Service, and its subsets."""

from __future__ import annotations

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import mapping, number
from gitops_agent.rollout.traffic.reading import namespace

VIRTUAL_SERVICE, DESTINATION_RULE = "VirtualService", "DestinationRule"

_GROUP = "networking.istio.io"


def is_istio(obj: Object, kind: str) -> bool:
    """Whether an object is of this kind of Istio's networking API."""
    key = ObjectKey.of(obj)
    return key.group == _GROUP and key.kind == kind


def same_host(host: object, service: str, obj: Object) -> bool:
    """Whether a host of an object means a Service in its namespace."""
    if host == service:
        return True
    name, _, rest = str(host).partition(".")
    own = namespace(obj)
    return name == service and bool(own) and (rest in {own, f"{own}.svc"} or rest.startswith(f"{own}.svc."))


def renamed(host: object, canary: str) -> str:
    """The host of the canary, spelled like the stable one."""
    _, dot, rest = str(host).partition(".")
    return canary + dot + rest


def destination(route: Object) -> Object:
    """The destination of one weighted backend."""
    return mapping(route, "destination")


def weight_of(route: Object, *, alone: bool) -> int:
    """The weight of a backend; a lone one defaults to all."""
    return number(route.get("weight"), 100 if alone else 0)
