"""A commit that deletes too much waits for a person."""

from __future__ import annotations

import time

from gitops_agent.api.conditions import condition_of
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import CONFIG_MAP
from gitops_agent.sandbox.demo.cluster import NotSeen
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene, approve, ask

PAGES = ("welcome", "imprint", "privacy", "faq", "opening-hours", "directions", "team", "press")


def held(scene: Scene) -> None:
    """The deletion is held until it is approved by its hash."""
    started = time.monotonic()
    removed = scene.repository.remove("apps/guestbook/page-*.yaml")
    if removed != len(PAGES):
        raise UsageError(f"the example repository has changed: {removed} pages instead of {len(PAGES)}")
    commit = scene.repository.commit("Tidy up")
    ask(scene.spectator, "guestbook")

    def is_held() -> bool:
        return condition_of(scene.spectator.application("guestbook", NAMESPACE), "Ready").get("reason") == "HeldForApproval"

    scene.spectator.until("the deletion is held", is_held)
    application = scene.spectator.application("guestbook", NAMESPACE)
    plan = str(application["status"]["sync"]["plan"])
    still = sum(scene.spectator.get(_page(name)) is not None for name in PAGES)
    if still != len(PAGES):
        raise NotSeen(f"only {still} of {len(PAGES)} pages are still there although their deletion is held")
    scene.spectator.until("the webhook receives the hold", lambda: scene.notifications("HeldForApproval"))
    message = condition_of(application, "Ready")["message"]
    scene.seen("A mass deletion is held", f"{len(PAGES)} objects still there: {message}", started)
    started = time.monotonic()
    approve(scene.spectator, "guestbook", plan)
    scene.spectator.until("the pages are gone", lambda: all(scene.spectator.get(_page(name)) is None for name in PAGES))
    scene.ready("guestbook", commit)
    scene.seen("Approved by its hash", f"plan {plan[:12]} ran, {len(PAGES)} objects pruned, Synced and Healthy", started)


def _page(name: str) -> ObjectKey:
    return CONFIG_MAP.named("guestbook", f"page-{name}")
