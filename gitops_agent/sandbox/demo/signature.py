"""A commit has to be signed before it is applied."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from gitops_agent.api.conditions import condition_of
from gitops_agent.manifest.kinds import DEPLOYMENT
from gitops_agent.process import run
from gitops_agent.sandbox.demo.cluster import NotSeen
from gitops_agent.sandbox.demo.rollout import image
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene, ask

PROGRAM = "ssh-keygen"
_APPLICATION, _VALUES = "clusters/production/notes.yaml", "apps/notes/values-production.yaml"
_PATH = "    path: apps/notes\n"
_VERIFY = "    verify:\n      mode: head\n      secretRef:\n        name: demo-signers\n"
_NOTES = DEPLOYMENT.named("notes", "notes")


def demanded(scene: Scene) -> None:
    """An unsigned commit changes nothing, a signed one is applied."""
    if shutil.which(PROGRAM) is None:
        scene.report(f"signed commits are not shown: {PROGRAM} is not installed")
        return
    started = time.monotonic()
    key = _signer(scene)
    scene.repository.edit(_APPLICATION, lambda text: text.replace(_PATH, _PATH + _VERIFY))
    first = scene.repository.commit("Demand signed commits of notes", key=key)
    ask(scene.spectator, "root")
    scene.ready("root", first)
    ask(scene.spectator, "notes")
    scene.ready("notes", first)
    before = image(scene.spectator.get(_NOTES) or {})
    _tag(scene, "replicas: 2\n", "replicas: 2\nimage:\n  tag: 2.0.0\n")
    unsigned = scene.repository.commit("Notes 2.0.0")
    ask(scene.spectator, "notes")

    def is_refused() -> bool:
        ready = condition_of(scene.spectator.application("notes", NAMESPACE), "Ready")
        return ready.get("reason") == "Unverified" and unsigned[:12] in str(ready.get("message"))

    scene.spectator.until("the unsigned commit is refused", is_refused)
    if image(scene.spectator.get(_NOTES) or {}) != before:
        raise NotSeen("an unsigned commit was applied")
    message = str(condition_of(scene.spectator.application("notes", NAMESPACE), "Ready").get("message"))
    scene.seen("An unsigned commit is refused", message, started)
    started = time.monotonic()
    _tag(scene, "tag: 2.0.0\n", "tag: 2.0.1\n")
    signed = scene.repository.commit("Notes 2.0.1", key=key)
    ask(scene.spectator, "notes")
    scene.ready("notes", signed)
    scene.spectator.until("the new version is live", lambda: image(scene.spectator.get(_NOTES) or {}).endswith(":2.0.1"))
    scene.seen("A signed commit is applied", f"{signed[:12]}, signed by ada@example.com, Synced and Healthy", started)


def _signer(scene: Scene) -> Path:
    """A new key of the developer, whose public part the agent trusts."""
    key = scene.repository.bare.parent / "ada"
    run((PROGRAM, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)))
    scene.spectator.objects.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "demo-signers", "namespace": NAMESPACE},
            "stringData": {"allowed_signers": f'ada@example.com namespaces="git" {key.with_suffix(".pub").read_text()}'},
        }
    )
    return key


def _tag(scene: Scene, before: str, after: str) -> None:
    scene.repository.edit(_VALUES, lambda text: text.replace(before, after))
