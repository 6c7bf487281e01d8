"""API versions removed from Kubernetes, which no CRD will ever bring.

Old repositories still declare them.

An unknown kind is waited for, because its CRD may come. For these that wait would never end, so they are refused, with what to
write instead.
"""

from __future__ import annotations

from collections.abc import Sequence

_SUCCESSORS = {
    ("extensions", "DaemonSet"): "apps/v1",
    ("extensions", "Deployment"): "apps/v1",
    ("extensions", "ReplicaSet"): "apps/v1",
    ("extensions", "Ingress"): "networking.k8s.io/v1",
    ("extensions", "NetworkPolicy"): "networking.k8s.io/v1",
    ("extensions", "PodSecurityPolicy"): "",
    ("policy", "PodSecurityPolicy"): "",
}
"""By group and kind: the apiVersion that took over, empty where nothing did."""

_BUILT_IN = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)
"""Groups whose versions come with the API server itself."""


def is_built_in(group: str) -> bool:
    """Whether a group comes with the API server.

    No CRD adds kinds to it.
    """
    return group in _BUILT_IN


def advice(group: str, kind: str, version: str, served: Sequence[str]) -> str:
    """Remedy for an unknown kind; empty when a CRD may come.

    Args:
        group: of the declared object.
        kind: of the declared object.
        version: of the declared object.
        served: the versions in which the cluster serves this kind.
    """
    written = f"{group}/{version} {kind}" if group else f"{version} {kind}"
    if (group, kind) in _SUCCESSORS:
        successor = _SUCCESSORS[group, kind]
        instead = f"write apiVersion: {successor}" if successor else "it has no successor, Pod Security admission does its work"
        return f"Kubernetes no longer serves {written}: {instead}"
    if group in _BUILT_IN and served and version not in served:
        newest = f"{group}/{served[0]}" if group else served[0]
        return f"this cluster does not serve {written}: write apiVersion: {newest}"
    return ""
