"""A manual change in the cluster."""

from __future__ import annotations

import time

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import DEPLOYMENT
from gitops_agent.sandbox.demo.scene import Scene

_GUESTBOOK = DEPLOYMENT.named("guestbook", "guestbook")
_DECLARED = 2


def repaired(scene: Scene) -> None:
    """A manual change is reverted and reported."""
    scene.spectator.objects.merge_patch(_GUESTBOOK, {"spec": {"replicas": 5}}, field_manager="kubectl-edit")
    started = time.monotonic()
    seconds = scene.spectator.until("the replicas are back", lambda: _replicas(scene.spectator.get(_GUESTBOOK)) == _DECLARED)
    scene.spectator.until(
        "the webhook receives the drift", lambda: scene.notifications("DriftDetected") and scene.notifications("DriftRepaired")
    )
    message = str(scene.notifications("DriftDetected")[-1].get("text") or "").partition("\n")[0]
    words = f"a user scaled the guestbook to 5; back at {_DECLARED} after {seconds:.2f} s: {message}"
    scene.seen("Manual drift", words, started)


def _replicas(deployment: Object | None) -> int | None:
    return ((deployment or {}).get("spec") or {}).get("replicas")
