"""Short ways to write live objects."""

from __future__ import annotations

from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.sync.health import assess


def live(api_version: str, kind: str, *, spec: Any = None, status: Any = None, generation: int = 1, **metadata: Any) -> Object:
    """An object as returned by the API server, without `None` parts."""
    obj: Object = {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "n", "generation": generation, **metadata},
    }
    if spec is not None:
        obj["spec"] = spec
    if status is not None:
        obj["status"] = status
    return obj


def condition(type_: str, status: str, reason: str = "", message: str = "", **more: Any) -> Object:
    """An entry of `status.conditions`."""
    return {"type": type_, "status": status, "reason": reason, "message": message, **more}


def conditions(*entries: Object, **status: Any) -> Object:
    """A status with conditions."""
    return {"conditions": list(entries), **status}


def verdict(obj: Object) -> tuple[str, str]:
    """Status and reason."""
    health = assess(obj)
    return health.status.value, health.reason
