"""The agent's own objects: what no plan may ever delete, whoever approves it.

Flux and Argo CD both have users whose one-line change made the agent prune itself. What the base in `deploy/` installs is
listed here; a test compares the two.
"""

from __future__ import annotations

from gitops_agent.manifest.key import ObjectKey

NAME = "gitops-agent"
CRDS = ("applications.gitops-agent.dev", "notifiers.gitops-agent.dev")
_RBAC = "rbac.authorization.k8s.io"


def protected(namespace: str) -> frozenset[ObjectKey]:
    """The keys of the installation in `namespace`."""
    crds = (ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", name) for name in CRDS)
    roles = (
        ObjectKey(_RBAC, kind, "", f"{NAME}-{part}")
        for kind in ("ClusterRole", "ClusterRoleBinding")
        for part in ("read", "write")
    )
    inside = (
        ObjectKey("", "ServiceAccount", namespace, NAME),
        ObjectKey("", "ConfigMap", namespace, NAME),
        ObjectKey("apps", "Deployment", namespace, NAME),
        ObjectKey(_RBAC, "Role", namespace, NAME),
        ObjectKey(_RBAC, "RoleBinding", namespace, NAME),
        ObjectKey("", "Namespace", "", namespace),
    )
    return frozenset({*crds, *roles, *inside})
