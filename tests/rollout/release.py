"""The commits of the model cluster, and D(t) over two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from gitops_agent.api.rollout_policy import RolloutPolicySpec, TrafficProvider
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.overlay import OverlayResult, ResolvedPolicy
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import RolloutState, Share, Version
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror, Verdict, Verification
from gitops_agent.rollout.traffic.service import PlainService
from tests.rollout.policies import blue_green, canary, rolling

GATEWAY = "gateway.networking.k8s.io"


def named(kind: str, name: str) -> ObjectKey:
    group = {"Deployment": "apps", "HTTPRoute": GATEWAY, "HorizontalPodAutoscaler": "autoscaling"}.get(kind, "")
    return ObjectKey(group, kind, "shop", name)


WEB, SERVICE, ROUTE = named("Deployment", "web"), named("Service", "web"), named("HTTPRoute", "web")
CANARY_SERVICE = named("Service", "web-canary")
REST, SETTINGS = named("ConfigMap", "rest"), named("ConfigMap", "settings")


RENAMED = "f"
"""How the commits begin that name the Service `shop`."""


def service_of(what: Version) -> ObjectKey:
    """The Service as a commit names it."""
    return named("Service", "shop" if what.commit.startswith(RENAMED) else "web")


def renamed(what: Version, *, to: bool) -> Version:
    """A version in a commit that names the Service so."""
    return replace(what, commit=(RENAMED if to else "0") + what.commit[1:])


def version(number: int) -> Version:
    return Version(commit=f"{number:040x}", hash=f"{number:08x}")


V1, V2, V3 = version(1), version(2), version(3)
EARLIER = 4
"""The replicas that the commits of the stable and the target version declare; the newest one may have changed them."""


class Shares:
    """A provider whose route spells the share."""

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
        return tuple(carrying(route, Share(weight=weight, match=match, mirror=mirror)) for route in routes)

    def verify(self, live: Sequence[Object], **asked: Any) -> Verification:
        return Verification(verdict=Verdict.READY)


def carrying(route: Object, share: Share) -> Object:
    """The route with a share; Git's route for none."""
    spec: dict[str, Any] = {} if share.none else {"weight": share.weight}
    if share.match is not None:
        match = share.match
        spec["match"] = {"on": str(match.on), "name": match.name, "value": match.value, "mode": str(match.mode)}
    if share.mirror is not None:
        spec["mirror"] = share.mirror.percent
    return {**route, "spec": spec}


def carried(route: Object) -> Share:
    """The share on a route."""
    spec = route["spec"]
    match = spec.get("match")
    mirror = spec.get("mirror")
    return Share(
        weight=spec.get("weight", 0),
        match=Match(on=MatchOn(match["on"]), name=match["name"], value=match["value"], mode=MatchMode(match["mode"]))
        if match
        else None,
        mirror=Mirror(percent=mirror) if mirror is not None else None,
    )


def _object(key: ObjectKey, **fields: Any) -> Object:
    version = {"apps": "apps/v1", GATEWAY: f"{GATEWAY}/v1", "autoscaling": "autoscaling/v2"}.get(key.group, "v1")
    return {"apiVersion": version, "kind": key.kind, "metadata": {"name": key.name, "namespace": "shop"}, **fields}


@lru_cache(maxsize=512)
def release(what: Version, replicas: int | None) -> tuple[Manifest, ...]:
    """What Git declares at a version.

    Its pods read `settings`, which every version changes, and `own-<hash>`, which it adds and its successor drops; `rest` is
    another with each commit.

    Args:
        what: the version.
        replicas: of the workload; None where an autoscaler decides.
    """
    own = f"own-{what.hash}"
    reads = [{"configMapRef": {"name": name}} for name in ("settings", own)]
    pod = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": f"web:{what.hash}", "envFrom": reads}]},
    }
    number = {} if replicas is None else {"replicas": replicas}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    objects = [
        _object(WEB, spec={**number, "selector": {"matchLabels": {"app": "web"}}, "template": pod}),
        _object(service_of(what), spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        _object(ROUTE, spec={}),
        _object(SETTINGS, data={"of": what.hash}),
        _object(named("ConfigMap", own), data={"of": what.hash}),
        _object(REST, data={"commit": what.commit, "hash": what.hash}),
        _object(named("HorizontalPodAutoscaler", "web"), spec={"scaleTargetRef": target, "maxReplicas": 9}),
    ]
    return tuple(Manifest.of(obj) for obj in (objects if replicas is None else objects[:-1]))


@lru_cache(maxsize=16)
def _policy(*, rolls: bool, plain: bool, green: bool, service: str) -> RolloutPolicySpec:
    """A policy with the same D(t).

    D(t) depends on the strategy's kind and the provider alone.
    """
    if rolls:
        return rolling()
    return blue_green(plain=plain, service=service) if green else canary(plain=plain, service=service)


def subject(policy: RolloutPolicySpec, *, autoscaled: bool) -> ResolvedPolicy:
    """What a policy is about."""
    strategy, plain = policy.strategy, policy.traffic.provider is TrafficProvider.SERVICE
    green, service = strategy.blue_green is not None, policy.service or ""
    alike = _policy(rolls=strategy.rolling is not None, plain=plain, green=green, service=service)
    provider = None if strategy.rolling is not None else PlainService() if plain else Shares()
    return ResolvedPolicy(policy=alike, workload=WEB, provider=provider, autoscaled=autoscaled)


_COMPOSED: dict[tuple[object, ...], OverlayResult] = {}


def composed(
    state: RolloutState, replicas: Replicas, policy: RolloutPolicySpec, head: Version, number: int | None
) -> OverlayResult:
    """D(t), made once for all states that look alike to it.

    Args:
        state: of the rollout.
        replicas: what each side may have now.
        policy: of the run.
        head: the newest commit.
        number: what it says of the workload's replicas, and no earlier one; None where an autoscaler decides.
    """
    about = subject(policy, autoscaled=number is None)
    stable = state.stable or version(1)
    target = state.target if state.running and state.target is not None else stable
    strategy = about.policy.strategy
    alike = (about.policy.traffic.provider, strategy.rolling is None, strategy.blue_green is None, about.service)
    where = (state.phase, state.stage, state.adoption, state.stable, state.target, state.baseline, state.traffic.want)
    key = (*alike, *where, replicas, head, number)
    result = _COMPOSED.get(key)
    if result is None:
        then = None if number is None else EARLIER
        part = Part(state=state, subject=about, stable=release(stable, then), target=release(target, then), replicas=replicas)
        if len(_COMPOSED) > 20_000:
            _COMPOSED.clear()
        result = _COMPOSED[key] = compose(release(head, number), [part])
    return result


@lru_cache(maxsize=512)
def copies(stable: Version, target: Version, number: int | None) -> frozenset[ObjectKey]:
    """The configuration that is copied for a version."""
    old = {manifest.key: manifest.obj for manifest in release(stable, number)}
    new = {manifest.key: manifest.obj for manifest in release(target, number)}
    made = canary_objects.copies(new[WEB], version=target.hash, stable=old, target=new)
    return frozenset(ObjectKey.of(obj) for obj in made)


def former(live: Iterable[ObjectKey]) -> str:
    """The Service beside that of a canary; empty without one."""
    names = {key.name for key in live if key.kind == "Service"}
    return next((name for name in sorted(names) if canary_objects.canary_service_name(name) in names), "")
