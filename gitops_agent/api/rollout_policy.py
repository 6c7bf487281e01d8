"""The RolloutPolicy: how new versions of one workload take over."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from gitops_agent.api.durations import Duration
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.rollout_metrics import Analysis
from gitops_agent.api.rollout_strategy import Strategy
from gitops_agent.api.texts import Name, NamespaceName

KIND = "RolloutPolicy"


class WorkloadKind(StrEnum):
    """The kinds with rollouts; all but a Deployment only with `rolling`."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"


class AppsVersion(StrEnum):
    """The API of workloads."""

    V1 = "apps/v1"


class TargetRef(Model):
    """The workload, in the policy's namespace."""

    api_version: AppsVersion = AppsVersion.V1
    """Its API."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Its kind."""

    name: Name
    """Its name."""


class TrafficProvider(StrEnum):
    """The kinds of traffic providers."""

    SERVICE = "service"
    GATEWAY_API = "gatewayAPI"
    ISTIO = "istio"
    NGINX = "nginx"
    ALB = "alb"
    TRAEFIK = "traefik"
    SMI = "smi"


class RouteKind(StrEnum):
    """What carries a share of traffic."""

    HTTP_ROUTE = "HTTPRoute"
    GRPC_ROUTE = "GRPCRoute"
    VIRTUAL_SERVICE = "VirtualService"
    DESTINATION_RULE = "DestinationRule"
    INGRESS = "Ingress"
    TRAEFIK_SERVICE = "TraefikService"
    TRAFFIC_SPLIT = "TrafficSplit"


class RouteRef(Model):
    """A route, in the policy's namespace."""

    kind: RouteKind
    """Its kind."""

    name: Name
    """Its name."""


class Traffic(Model):
    """The traffic provider and its objects."""

    provider: TrafficProvider = TrafficProvider.SERVICE
    """`service` splits by numbers of pods, so it knows neither match nor mirror."""

    routes: Annotated[tuple[RouteRef, ...], Field(max_length=16)] = ()
    """The routes that name the Service."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(!has(self.provider) || self.provider == 'service') == (!has(self.routes) || size(self.routes) == 0)",
            holds=lambda traffic: (traffic.provider is TrafficProvider.SERVICE) == (not traffic.routes),
            message="every provider but service needs routes, and service takes none",
        ),
    )


def _plain(spec: RolloutPolicySpec) -> bool:
    return spec.traffic.provider is TrafficProvider.SERVICE


def _rules_of_steps(spec: RolloutPolicySpec) -> bool:
    canary = spec.strategy.canary
    return canary is None or not _plain(spec) or all(step.match is None and step.mirror is None for step in canary.steps)


class RolloutPolicySpec(Model):
    """How new versions of one workload take over."""

    target_ref: TargetRef
    """The workload."""

    service: NamespaceName | None = None
    """The Service whose traffic is split; only `rolling` does without one."""

    traffic: Traffic = Traffic()
    """What splits the traffic."""

    strategy: Strategy
    """How a new version takes over."""

    analysis: Analysis = Analysis()
    """What it is judged by."""

    progress_deadline: Duration = timedelta(minutes=10)
    """How long pods may take to become available, and routes to be taken up."""

    paused_deadline: Duration | None = None
    """How long a run may stay paused before it is aborted; for ever when absent."""

    drain: Duration = timedelta(seconds=10)
    """How long requests in flight get between the last change of traffic and the end of the pods that served them."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.strategy.rolling) || !has(self.targetRef.kind) || self.targetRef.kind == 'Deployment'",
            holds=lambda spec: spec.strategy.rolling is not None or spec.target_ref.kind is WorkloadKind.DEPLOYMENT,
            message="a StatefulSet or DaemonSet has only the strategy rolling",
        ),
        Rule(
            cel="has(self.strategy.rolling) || has(self.service)",
            holds=lambda spec: spec.strategy.rolling is not None or spec.service is not None,
            message="canary and blueGreen need a service",
        ),
        Rule(
            cel="(has(self.traffic) && has(self.traffic.provider) && self.traffic.provider != 'service')"
            " || !has(self.strategy.canary)"
            " || self.strategy.canary.steps.all(step, !has(step.match) && !has(step.mirror))",
            holds=_rules_of_steps,
            message="a plain Service knows neither match nor mirror",
        ),
        Rule(
            cel="!has(self.strategy.canary) || !has(self.strategy.canary.surgePercent)"
            " || self.strategy.canary.surgePercent > 0"
            " || !has(self.traffic) || !has(self.traffic.provider) || self.traffic.provider == 'service'",
            holds=lambda spec: spec.strategy.canary is None or spec.strategy.canary.surge_percent > 0 or _plain(spec),
            message="surgePercent: 0 is only for a plain Service: a route needs canary pods beside the workload's own",
        ),
        Rule(
            cel="!has(self.analysis) || !has(self.analysis.baseline) || !self.analysis.baseline || (has(self.strategy.canary)"
            " && has(self.traffic) && has(self.traffic.provider) && self.traffic.provider != 'service')",
            holds=lambda spec: not spec.analysis.baseline or (spec.strategy.canary is not None and not _plain(spec)),
            message="baseline is only for a canary with routes: behind a plain Service the numbers of pods are the share",
        ),
        Rule(
            cel="!has(self.strategy.rolling) || !has(self.analysis) || !has(self.analysis.metrics)"
            " || self.analysis.metrics.all(metric, !has(metric.compare))",
            holds=lambda spec: spec.strategy.rolling is None or all(metric.compare is None for metric in spec.analysis.metrics),
            message="compare needs a canary beside the stable pods, rolling has none",
        ),
    )
