"""The first sync, and an image bump."""

from __future__ import annotations

import time

from gitops_agent.api.application import API_VERSION
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import STATEFUL_SET
from gitops_agent.sandbox.demo.cluster import settled
from gitops_agent.sandbox.demo.rollout import image
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene

APPLICATIONS = ("namespaces", "policies", "queues", "shop", "notes", "guestbook")
_WORKER = STATEFUL_SET.named("shop", "worker")


def first_sync(scene: Scene) -> None:
    """Everything the repository declares is applied and becomes healthy."""
    started = time.monotonic()
    commit = scene.repository.head()
    scene.spectator.objects.apply(root(scene.repository.url))
    names = ("root", *APPLICATIONS)
    with scene.progress.step("the first sync") as detail:

        def all_settled() -> bool:
            done = [name for name in names if settled(scene.spectator.application(name, NAMESPACE), commit)]
            detail(f"{len(done)} of {len(names)} applications")
            return len(done) == len(names)

        scene.spectator.until(f"all applications ready at {commit[:12]}", all_settled, seconds=120)
    total = sum(_count(scene.spectator.application(name, NAMESPACE)) for name in names)
    scene.seen("First sync", f"{len(names)} applications, {total} objects, all Synced and Healthy", started)
    scene.spectator.until("the webhook receives every sync", lambda: len(scene.notifications("Synced")) >= len(names))


def image_bump(scene: Scene) -> None:
    """A workload with policy `rolling` updates its image pod by pod."""
    before = len(scene.notifications("Synced"))
    started = time.monotonic()
    commit = scene.release("worker", "1.4.0", "1.5.0", "Release worker 1.5.0")
    live = scene.spectator.until("the new image is live", lambda: image(scene.spectator.get(_WORKER) or {}).endswith(":1.5.0"))
    scene.ready("shop", commit)
    scene.spectator.until("the webhook receives it", lambda: len(scene.notifications("Synced")) > before)
    scene.seen("An image bump", f"pushed, live after {live:.2f} s, rolled out pod by pod and Healthy", started)


def root(url: str) -> Object:
    """The Application that manages the others."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Application",
        "metadata": {"name": "root", "namespace": NAMESPACE},
        "spec": {
            "source": {"repoURL": url, "ref": {"branch": "main"}, "path": "clusters/production"},
            "destination": {"namespace": NAMESPACE},
            "sync": {"interval": "5s"},
        },
    }


def _count(application: Object) -> int:
    return int(((application.get("status") or {}).get("resources") or {}).get("total") or 0)
