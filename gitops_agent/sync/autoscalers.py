"""Workloads whose number of replicas belongs to an autoscaler.

Sending `spec.replicas` for such a workload would undo the autoscaler's last decision on every sync, so it is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from gitops_agent.manifest.key import Object, ObjectKey

SCALERS: dict[tuple[str, str], tuple[str, str]] = {
    ("autoscaling", "HorizontalPodAutoscaler"): ("v1", ""),
    ("keda.sh", "ScaledObject"): ("apps/v1", "Deployment"),
}
"""Group and kind of autoscalers, with the apiVersion and kind that `spec.scaleTargetRef` means where it does not say."""


class Autoscaled(Protocol):
    """Knows the workloads that live autoscalers scale."""

    def targets(self) -> frozenset[ObjectKey] | None:
        """Those workloads; None while it is not known which they are."""


def target(scaler: Object) -> ObjectKey | None:
    """The workload an autoscaler, declared or live, scales.

    None when the object is no autoscaler or names no target.
    """
    key = ObjectKey.of(scaler)
    defaults = SCALERS.get((key.group, key.kind))
    if defaults is None:
        return None
    spec: Any = scaler.get("spec")
    reference: Any = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
    if not isinstance(reference, dict):
        return None
    version, kind = (str(reference.get("apiVersion") or defaults[0]), str(reference.get("kind") or defaults[1]))
    name = str(reference.get("name") or "")
    if not kind or not name:
        return None
    return ObjectKey(version.rpartition("/")[0], kind, key.namespace, name)


def targets(scalers: Iterable[Object]) -> frozenset[ObjectKey]:
    """The workloads that the autoscalers among some objects scale."""
    return frozenset(key for key in map(target, scalers) if key is not None)
