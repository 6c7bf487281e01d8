"""Table of traffic providers and their capabilities."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.rollout.traffic.alb import Alb
from gitops_agent.rollout.traffic.gateway import GatewayAPI
from gitops_agent.rollout.traffic.istio import Istio
from gitops_agent.rollout.traffic.nginx import Nginx
from gitops_agent.rollout.traffic.router import MatchMode, TrafficRouter
from gitops_agent.rollout.traffic.service import PlainService
from gitops_agent.rollout.traffic.smi import Smi
from gitops_agent.rollout.traffic.traefik import Traefik

_ALL = (MatchMode.EXACT, MatchMode.PREFIX, MatchMode.REGEX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Capabilities of one provider.

    Args:
        name: as in `spec.traffic.provider`.
        provider: the pure functions.
        kinds: of the routes it takes, as `group/Kind`.
        writes: whether it writes routes; a plain Service is divided by numbers of pods.
        header: how headers can be compared; empty when not at all.
        cookie: how cookies can be compared.
        mirror: whether it can mirror.
        settle_seconds: to wait after the objects are in place, where no status reports the uptake; 0 where one does.
        limits: what else is to know, for people.
    """

    name: str
    provider: TrafficRouter
    kinds: tuple[str, ...]
    writes: bool = True
    header: tuple[MatchMode, ...] = ()
    cookie: tuple[MatchMode, ...] = ()
    mirror: bool = False
    settle_seconds: float = 5.0
    limits: str = ""


_GATEWAY = "gateway.networking.k8s.io"
_ISTIO = "networking.istio.io"

CAPABILITIES: dict[str, Capability] = {
    found.name: found
    for found in (
        Capability(
            name="service",
            provider=PlainService(),
            kinds=("discovery.k8s.io/EndpointSlice",),
            writes=False,
            settle_seconds=2.0,
            limits="the share is a ratio of whole pods",
        ),
        Capability(
            name="gatewayAPI",
            provider=GatewayAPI(),
            kinds=(f"{_GATEWAY}/HTTPRoute", f"{_GATEWAY}/GRPCRoute"),
            header=_ALL,
            cookie=_ALL,
            mirror=True,
            settle_seconds=0.0,
            limits="no cookies for GRPCRoute; 16 rules with those of the match",
        ),
        Capability(
            name="istio",
            provider=Istio(),
            kinds=(f"{_ISTIO}/VirtualService", f"{_ISTIO}/DestinationRule"),
            header=_ALL,
            cookie=_ALL,
            mirror=True,
            limits="tls and tcp routes know weights only",
        ),
        Capability(
            name="nginx",
            provider=Nginx(),
            kinds=("networking.k8s.io/Ingress",),
            header=_ALL,
            cookie=(MatchMode.EXACT,),
            limits="a cookie has to have the value always; the default backend is not split",
        ),
        Capability(
            name="alb",
            provider=Alb(),
            kinds=("networking.k8s.io/Ingress",),
            header=(MatchMode.EXACT, MatchMode.PREFIX),
            cookie=(MatchMode.EXACT, MatchMode.PREFIX),
            settle_seconds=20.0,
            limits="the Ingress needs a forward action for the service; no wildcards in values",
        ),
        Capability(
            name="traefik",
            provider=Traefik(),
            kinds=("traefik.io/TraefikService",),
            mirror=True,
            limits="matches belong to an IngressRoute",
        ),
        Capability(name="smi", provider=Smi(), kinds=("split.smi-spec.io/TrafficSplit",), limits="v1alpha2 or later"),
    )
}
"""By the name in `spec.traffic.provider`."""
