"""Istio's hosts: a Service has four spellings, and a destination says which of its backends are meant."""

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
    """Whether a host written in an object means a Service of the object's namespace."""
    if host == service:
        return True
    name, _, rest = str(host).partition(".")
    place = namespace(obj)
    return name == service and bool(place) and (rest in {place, f"{place}.svc"} or rest.startswith(f"{place}.svc."))


def renamed(host: object, canary: str) -> str:
    """The host of the canary, in the spelling of the one it stands beside."""
    _, dot, rest = str(host).partition(".")
    return canary + dot + rest


def destination(route: Object) -> Object:
    """The destination of one weighted backend."""
    return mapping(route, "destination")


def weight_of(route: Object, *, alone: bool) -> int:
    """The weight of one backend; one that stands alone has all of it when it does not say."""
    return number(route.get("weight"), 100 if alone else 0)
