"""Status of a Gateway API route: accepted by every parent, backends resolved."""

from __future__ import annotations

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.rollout.traffic.reading import broken, waiting
from gitops_agent.rollout.traffic.router import Verification

_PASSING = frozenset({"", "Pending", "BackendNotFound", "NoReadyBackends"})
"""Reasons that pass with time: a Service made a moment ago is not known to every controller yet."""


def accepted(route: Object) -> Verification | None:
    """Why the route is not in force; None when it is."""
    generation = number(mapping(route, "metadata").get("generation"), 0)
    statuses = items(mapping(route, "status").get("parents"))
    parents = items(mapping(route, "spec").get("parentRefs"))
    if not statuses or any(not any(_same(ref, mapping(parent, "parentRef")) for parent in statuses) for ref in parents):
        return waiting("not every parent has answered yet")
    for parent in statuses:
        if not any(_same(ref, mapping(parent, "parentRef")) for ref in parents):
            continue  # of a parent the route has left
        if (verification := _parent(parent, generation)) is not None:
            return verification
    return None


def _parent(parent: Object, generation: int) -> Verification | None:
    name = str(mapping(parent, "parentRef").get("name"))
    conditions = {str(each.get("type")): each for each in items(parent.get("conditions"))}
    for sort in ("Accepted", "ResolvedRefs"):
        condition = conditions.get(sort, {})
        if number(condition.get("observedGeneration"), 0) < generation:
            return waiting(f"{name} has not seen this generation yet ({sort})")
        if condition.get("status") == "True":
            continue
        reason, message = str(condition.get("reason") or ""), str(condition.get("message") or "")
        words = f"{name}: {sort} is {condition.get('status')}, {reason}: {message}"[:300]
        return waiting(words) if reason in _PASSING or condition.get("status") != "False" else broken(words)
    partly = conditions.get("PartiallyInvalid", {})
    if partly.get("status") == "True" and number(partly.get("observedGeneration"), 0) >= generation:
        return broken(f"{name}: a part of the route is dropped: {partly.get('message')}"[:300])
    return None


def _same(ref: Object, other: Object) -> bool:
    return all(ref.get(part) == other.get(part) for part in ("name", "sectionName", "port"))
