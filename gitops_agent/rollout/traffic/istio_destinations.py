"""DestinationRules of a canary: a twin, or two subsets of one host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import PREFIX
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.rollout.traffic.istio_hosts import DESTINATION_RULE, is_istio, renamed, same_host
from gitops_agent.rollout.traffic.reading import refused, unnamed

_VARIANT = PREFIX + "variant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subsets:
    """The two subsets of a service, by the labels of its pods.

    Args:
        stable: the name of the subset of the stable pods.
        canary: the name of the subset of the canary's.
        stable_labels: which the stable pods bear and the canary's do not.
        canary_labels: the other way round.
    """

    stable: str = "gitops-agent-primary"
    canary: str = "gitops-agent-canary"
    stable_labels: dict[str, str] = field(default_factory=lambda: {_VARIANT: "primary"})
    canary_labels: dict[str, str] = field(default_factory=lambda: {_VARIANT: "canary"})

    def listed(self) -> list[Object]:
        """As they stand in a DestinationRule."""
        return [
            {"name": self.stable, "labels": dict(self.stable_labels)},
            {"name": self.canary, "labels": dict(self.canary_labels)},
        ]


def overlaid_rules(
    routes: Sequence[Object], *, service: str, canary_service: str, subsets: Subsets | None
) -> tuple[Object, ...]:
    """The routes with the DestinationRules a canary needs.

    Raises:
        RenderError: subsets are needed and no DestinationRule is there, or a name is taken.
    """
    ours = [is_istio(route, DESTINATION_RULE) and _of(route, service) for route in routes]
    if subsets is None:
        twins = [_twin(route, canary_service) for route, mine in zip(routes, ours, strict=True) if mine]
        return (*routes, *twins)
    if not any(ours):
        raise unnamed(service, DESTINATION_RULE)
    return tuple(_divided(route, subsets) if mine else route for route, mine in zip(routes, ours, strict=True))


def rules_carry(live: Sequence[Object], *, service: str, canary_service: str, subsets: Subsets | None) -> bool:
    """Whether the live DestinationRules hold what a canary needs."""
    rules = [obj for obj in live if is_istio(obj, DESTINATION_RULE)]
    stable = [rule for rule in rules if _of(rule, service)]
    if subsets is None:
        return not stable or any(_of(rule, canary_service) for rule in rules)
    return bool(stable) and all(
        all(subset in items(mapping(rule, "spec").get("subsets")) for subset in subsets.listed()) for rule in stable
    )


def _of(rule: Object, service: str) -> bool:
    return same_host(mapping(rule, "spec").get("host"), service, rule)


def _twin(rule: Object, canary: str) -> Object:
    spec = {name: value for name, value in copy(mapping(rule, "spec")).items() if name not in {"subsets", "workloadSelector"}}
    metadata = mapping(rule, "metadata")
    named = {"name": f"{metadata.get('name')}-canary"}
    namespaced = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
    return {
        "apiVersion": rule["apiVersion"],
        "kind": rule["kind"],
        "metadata": {**named, **namespaced},
        "spec": {**spec, "host": renamed(spec.get("host"), canary)},
    }


def _divided(rule: Object, subsets: Subsets) -> Object:
    result = copy(rule)
    existing = items(result["spec"].get("subsets"))
    if {subsets.stable, subsets.canary} & {str(each.get("name")) for each in existing}:
        raise refused(rule, f"has a subset named {subsets.stable} or {subsets.canary}, which are the rollout's own")
    result["spec"]["subsets"] = [*existing, *subsets.listed()]
    return result
