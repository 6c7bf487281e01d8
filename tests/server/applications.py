"""Applications as the API server has them, for tests of the dashboard."""

from __future__ import annotations

from gitops_agent.manifest.key import Object

COMMIT = "3f2a91c0" * 5


def application(
    name: str,
    *,
    namespace: str = "gitops",
    ready: str = "True",
    reason: str = "Synced",
    health: str = "Healthy",
    message: str = "all is well",
    version: str = "10",
) -> Object:
    """A reconciled Application."""
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-05-04T11:00:00Z",
    }
    return {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": version,
            "labels": {"team": "pay"},
        },
        "spec": {"source": {"repoURL": "https://github.com/acme/config", "ref": {"branch": "main"}, "path": name}},
        "status": {
            "conditions": [condition],
            "sync": {"status": "Synced", "revision": COMMIT, "plan": "ab" * 32},
            "health": {"status": health},
            "source": {"revision": COMMIT, "subject": "Bump api", "author": "li", "committedAt": "2026-05-04T10:59:00Z"},
            "resources": {"total": 3, "drifted": 0, "unhealthy": 0},
        },
    }
