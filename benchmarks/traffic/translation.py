"""Translates HTTPRoutes to Envoy's route configuration, as a pure function.

What the Gateway API asks for and this does: weights of 0 take nothing; a backend that cannot be resolved answers 500 for its
share, one without endpoints 503 (Envoy's own doing); a rule without any weight answers 500. A route that uses a filter this
gateway does not know is not accepted and not in force at all, so that no scenario passes with half of what it asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.traffic.backendref import INVALID, Cluster, Problem, Services, resolve
from benchmarks.traffic.filters import UnknownFilter, header_changes, mirrors
from benchmarks.traffic.matching import DEFAULT, envoy_match, precedence
from gitops_agent.manifest.key import Object

DRAW = "x-draw"
"""A request's own number for the draw among weights; without it Envoy draws one."""

_TIMEOUT = "15s"
_NO_BACKEND = {"direct_response": {"status": 500, "body": {"inline_string": "no backend\n"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be said in a route's status.

    Attributes:
        accepted: why it is not accepted; None when it is.
        resolved: why a backend is not resolved; None when all are.
    """

    accepted: Problem | None = None
    resolved: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """All routes together.

    Attributes:
        virtual_hosts: of Envoy's RouteConfiguration.
        clusters: that they send to.
        verdicts: by namespace and name of the route.
    """

    virtual_hosts: list[Object]
    clusters: frozenset[Cluster]
    verdicts: dict[tuple[str, str], Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    order: tuple[Any, ...]
    route: Object


def translate(routes: Iterable[Object], services: Services) -> Translation:
    """Translates the routes that are attached to the gateway.

    Args:
        routes: HTTPRoutes.
        services: what their backends are looked up in.
    """
    hosts: dict[str, list[_Entry]] = {}
    clusters: set[Cluster] = set()
    verdicts: dict[tuple[str, str], Verdict] = {}
    for route in routes:
        metadata = route["metadata"]
        key = (str(metadata["namespace"]), str(metadata["name"]))
        try:
            entries, used, problem = _rules(route, services)
        except UnknownFilter as error:
            verdicts[key] = Verdict(accepted=Problem(reason="UnsupportedValue", message=str(error)))
            continue
        verdicts[key] = Verdict(resolved=problem)
        clusters |= used
        for host in (route.get("spec") or {}).get("hostnames") or ["*"]:
            hosts.setdefault(str(host), []).extend(entries)
    virtual_hosts = [
        {"name": host, "domains": [host], "routes": [entry.route for entry in sorted(entries, key=lambda entry: entry.order)]}
        for host, entries in sorted(hosts.items())
    ]
    return Translation(virtual_hosts=virtual_hosts, clusters=frozenset(clusters), verdicts=verdicts)


def _rules(route: Object, services: Services) -> tuple[list[_Entry], set[Cluster], Problem | None]:
    metadata = route["metadata"]
    namespace = str(metadata["namespace"])
    age = (str(metadata.get("creationTimestamp") or ""), f"{namespace}/{metadata['name']}")
    entries: list[_Entry] = []
    clusters: set[Cluster] = set()
    problems: list[Problem] = []
    for number, rule in enumerate((route.get("spec") or {}).get("rules") or [{}]):
        refs = [(ref, resolve(ref, namespace, services)) for ref in rule.get("backendRefs") or []]
        copies = [(copy, resolve(copy.ref, namespace, services)) for copy in mirrors(rule.get("filters") or [])]
        for _, resolved in itertools.chain(refs, copies):
            if isinstance(resolved, Cluster):
                clusters.add(resolved)
            else:
                problems.append(resolved)
        action: Object = _forward(rule, refs)
        policies = [copy.policy(target.name) for copy, target in copies if isinstance(target, Cluster)]
        if policies and "route" in action:
            action["route"]["request_mirror_policies"] = policies
        action |= header_changes(rule.get("filters") or [])
        for place, match in enumerate(rule.get("matches") or [DEFAULT]):
            order = (*precedence(match), *age, number, place)
            entries.append(_Entry(order=order, route={"match": envoy_match(match), **action}))
    return entries, clusters, problems[0] if problems else None


def _forward(rule: Object, refs: list[tuple[Object, Cluster | Problem]]) -> Object:
    weighted = [
        {
            "name": target.name if isinstance(target, Cluster) else INVALID,
            "weight": int(ref.get("weight", 1)),
            **header_changes(ref.get("filters") or [], backend=True),
        }
        for ref, target in refs
        if ref.get("weight", 1) != 0
    ]
    if not weighted:
        return dict(_NO_BACKEND)
    timeouts = rule.get("timeouts") or {}
    return {
        "route": {
            "weighted_clusters": {"clusters": weighted, "header_name": DRAW},
            "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
            "timeout": _seconds(str(timeouts.get("request") or timeouts.get("backendRequest") or _TIMEOUT)),
        }
    }


def _seconds(duration: str) -> str:
    """A duration of the Gateway API (`1m30s`, `500ms`) as Envoy wants it."""
    factors = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    total, number, unit = 0.0, "", ""
    for letter in f"{duration} ":
        if letter.isdigit():
            if unit:
                total, number, unit = total + float(number) * factors[unit], "", ""
            number += letter
        elif letter != " ":
            unit += letter
    total += float(number) * factors[unit]
    return f"{total:g}s"
