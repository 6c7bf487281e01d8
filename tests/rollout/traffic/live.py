"""Objects as a cluster holds them once their controllers accepted them."""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object


def condition(sort: str, status: str = "True", *, generation: int = 3, reason: str = "", message: str = "") -> Object:
    return {"type": sort, "status": status, "observedGeneration": generation, "reason": reason, "message": message}


def served(objects: Sequence[Object], *conditions: Object) -> list[Object]:
    return [_served(copy(obj), conditions) for obj in objects]


def _served(obj: Object, conditions: Sequence[Object]) -> Object:
    obj["metadata"]["generation"] = 3
    if obj["kind"] in {"HTTPRoute", "GRPCRoute"}:
        reported = list(conditions) or [condition("Accepted"), condition("ResolvedRefs")]
        obj["status"] = {"parents": [{"parentRef": ref, "conditions": reported} for ref in obj["spec"]["parentRefs"]]}
    if obj["kind"] == "Ingress":
        obj["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}
    return obj
