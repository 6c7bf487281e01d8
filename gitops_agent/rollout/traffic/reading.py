"""Reads routes defensively, and builds the errors of refused ones."""

from __future__ import annotations

from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import mapping
from gitops_agent.rollout.traffic.router import Verdict, Verification

READY = Verification(verdict=Verdict.READY)


def is_ingress(obj: Object) -> bool:
    """Whether an object is an Ingress."""
    key = ObjectKey.of(obj)
    return key.group == "networking.k8s.io" and key.kind == "Ingress"


def namespace(obj: Object) -> str:
    """The namespace of an object, empty when Git leaves it out."""
    return str(mapping(obj, "metadata").get("namespace") or "")


def refused(route: Object, words: str) -> RenderError:
    """The error of a route that cannot carry what is asked."""
    return RenderError(f"{ObjectKey.of(route)} {words}", reason="TrafficRefused", object=str(ObjectKey.of(route)))


def unnamed(service: str, what: str) -> RenderError:
    """The error of routes none of which names the service."""
    return RenderError(f"no {what} of the policy sends traffic to the Service {service}", reason="TrafficRefused")


def unsupported(provider: str, what: str) -> RenderError:
    """The error of a provider that has no such thing."""
    return RenderError(f"the traffic provider {provider} cannot {what}", reason="TrafficRefused")


def waiting(reason: str) -> Verification:
    """Not in force yet."""
    return Verification(verdict=Verdict.NOT_YET, reason=reason)


def broken(reason: str) -> Verification:
    """Not in force, and waiting does not help."""
    return Verification(verdict=Verdict.ERROR, reason=reason)
