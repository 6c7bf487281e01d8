"""A commit whose pods crash, in an application without a rollout policy."""

from __future__ import annotations

import time

from gitops_agent.api.conditions import condition_of
from gitops_agent.manifest.kinds import DEPLOYMENT
from gitops_agent.sandbox.demo.rollout import image
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene, ask
from gitops_agent.sandbox.pod_failures import POD, PodFailure

_FILE = "apps/guestbook/guestbook.yaml"
_GUESTBOOK = DEPLOYMENT.named("guestbook", "guestbook")
_LABELS = "      labels:\n        app: guestbook\n"
_CRASH = f"      annotations:\n        {POD}: {PodFailure.CRASH}\n"


def rolled_back(scene: Scene) -> None:
    """The last healthy commit replaces it, and a corrected one follows."""
    started = time.monotonic()
    scene.repository.edit(_FILE, lambda text: text.replace("guestbook:6", "guestbook:7").replace(_LABELS, _CRASH + _LABELS))
    bad = scene.repository.commit("Guestbook 7")
    ask(scene.spectator, "guestbook")
    scene.spectator.until("the new version is live", lambda: image(scene.spectator.get(_GUESTBOOK) or {}).endswith(":7"))

    def returned() -> bool:
        ready = condition_of(scene.spectator.application("guestbook", NAMESPACE), "Ready")
        healthy = image(scene.spectator.get(_GUESTBOOK) or {}).endswith(":6")
        return healthy and ready.get("reason") == "RolledBack" and str(ready.get("message")).endswith("is applied")

    seconds = scene.spectator.until("the last healthy commit is applied again", returned, seconds=120)
    scene.spectator.until("the webhook receives it", lambda: scene.notifications("RolledBack", about=bad))
    message = str(condition_of(scene.spectator.application("guestbook", NAMESPACE), "Ready").get("message"))
    scene.seen("A commit that degrades is rolled back", f"after {seconds:.0f} s: {message}", started)
    started = time.monotonic()
    scene.repository.edit(_FILE, lambda text: text.replace("guestbook:7", "guestbook:8").replace(_CRASH, ""))
    commit = scene.repository.commit("Guestbook 8")
    ask(scene.spectator, "guestbook")
    scene.ready("guestbook", commit)
    scene.seen("A corrected commit is applied", f"{commit[:12]}, Synced and Healthy", started)
