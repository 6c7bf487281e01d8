"""The demo: starts its processes, then runs its chapters.

Every step ends when the cluster shows it, or the demo fails.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops_agent.api.application import API_VERSION
from gitops_agent.cluster.transport import Transport
from gitops_agent.install import bundle
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo import (
    blue_green,
    canary,
    decryption,
    degraded,
    deletion,
    drift,
    first_sync,
    hooks,
    metrics,
    signature,
)
from gitops_agent.sandbox.demo.agent import AgentProcess
from gitops_agent.sandbox.demo.cluster import Spectator
from gitops_agent.sandbox.demo.metrics import Metrics
from gitops_agent.sandbox.demo.receiver import Receiver
from gitops_agent.sandbox.demo.repository import DemoRepository, example
from gitops_agent.sandbox.demo.rollout import Rollout
from gitops_agent.sandbox.demo.scene import NAMESPACE, Scene, Step
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer
from gitops_agent.toolchain.progress import Progress

_SECRET = "a shared secret of the demonstration"  # noqa: S105 - of this machine, for the length of the story
_ROLLOUTS = ("RolloutStarted", "RolloutStep", "RolloutPaused", "RolloutAborted", "Promoted")
_EVENTS = (
    *("Synced", "SyncFailed", "Degraded", "Recovered", "RolledBack"),
    *("DriftDetected", "DriftRepaired", "HeldForApproval", "Approved"),
    *_ROLLOUTS,
)
_PATIENT, _IMPATIENT = "apps/shop/overlays/production", "apps/shop/overlays/demo"
_CHAPTERS = (
    *(first_sync.first_sync, first_sync.image_bump),
    *(canary.promoted, canary.rejected, canary.fixed),
    *(blue_green.switched, drift.repaired),
    *(hooks.ran, degraded.rolled_back, deletion.held),
    *(decryption.decrypted, signature.demanded),
)


@dataclass(slots=True)
class Story:
    """The demo.

    Attributes:
        directory: for everything it makes.
        progress: receives the report.
        nodes: fake nodes of the cluster.
        steps: what was seen so far.
    """

    directory: Path
    progress: Progress
    nodes: int = 3
    steps: list[Step] = field(default_factory=list)
    plane: ControlPlane | None = None
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def run(self) -> None:
        """Runs all chapters; `close` stops what was started.

        Raises:
            AgentError: a step was not seen, or nothing could be started.
        """
        # The renderers too: the agent of the story finds them in the same cache.
        Installer(progress=self.progress).ensure(selected())
        started = time.monotonic()
        plane = ControlPlane.start(self.directory / "plane", nodes=self.nodes, tied=True, progress=self.progress)
        self.plane = plane
        self._stack.callback(plane.stop)
        scene = self._scene(plane)
        version = scene.spectator.transport.request("GET", "/version")["gitVersion"]
        scene.seen("A real control plane", f"Kubernetes {version} with {self.nodes} nodes at {plane.host}", started)
        self._installed(scene)
        agent = AgentProcess(plane.service_account_kubeconfig(NAMESPACE, bundle.NAME), self.directory)
        self._stack.callback(agent.stop)
        for chapter in _CHAPTERS:
            chapter(scene)

    def close(self) -> None:
        """Ends everything that was started."""
        self._stack.close()

    def _scene(self, plane: ControlPlane) -> Scene:
        """What the chapters work with."""

        def received(message: dict[str, Any]) -> None:
            lines = [str(message.get("title"))]
            if message.get("event") in (*_ROLLOUTS, "Degraded", "SyncFailed", "RolledBack"):
                lines += str(message.get("text") or "").splitlines()[:1]
            self.progress.say(f"    webhook ← {': '.join(lines)}")

        spectator = Spectator(Transport.from_kubeconfig(plane.kubeconfig))
        receiver = Receiver(_SECRET, received)
        self._stack.callback(receiver.stop)
        checkout = Rollout(spectator, canary.CHECKOUT)
        measured = Metrics(lambda deployment: canary.error_rate(checkout, deployment))
        self._stack.callback(measured.stop)
        replaced = {metrics.PLACEHOLDER: measured.url, f"path: {_PATIENT}": f"path: {_IMPATIENT}"}
        return Scene(
            progress=self.progress,
            spectator=spectator,
            repository=DemoRepository(self.directory, example(), replaced=replaced),
            receiver=receiver,
            metrics=measured,
            steps=self.steps,
        )

    def _installed(self, scene: Scene) -> None:
        """The agent's own objects, and a Notifier."""
        started = time.monotonic()
        repository = scene.repository
        files = sum(1 for path in repository.work.rglob("*") if path.is_file() and ".git" not in path.parts)
        scene.seen("A Git repository", f"{repository.url} with {files} files: kustomize, Helm and plain YAML", started)
        started = time.monotonic()
        spectator = scene.spectator
        manifests = bundle.manifests(bundle.Flavour.FULL)
        # The agent of the story runs on this machine with the account's own token; its image is nowhere to be pulled from.
        manifests = [obj for obj in manifests if obj["kind"] not in ("Deployment", "PodDisruptionBudget")]
        bundle.install(spectator.objects, manifests, lambda _key, _changed: None)
        spectator.until("the CRDs are served", lambda: _served(spectator))
        spectator.objects.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "demo-webhook", "namespace": NAMESPACE},
                "stringData": {"hmac": _SECRET},
            }
        )
        spectator.objects.apply(
            {
                "apiVersion": API_VERSION,
                "kind": "Notifier",
                "metadata": {"name": "demo", "namespace": NAMESPACE},
                "spec": {
                    "provider": "webhook",
                    "address": scene.receiver.url,
                    "secretRef": {"name": "demo-webhook"},
                    "events": list(_EVENTS),
                },
            }
        )
        scene.seen("The agent's installation", f"{len(manifests)} objects of deploy/, and a Notifier for a webhook", started)


@contextlib.contextmanager
def scratch(keep: Path | None) -> Iterator[Path]:
    """A folder for the story: a temporary one, or the one given."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="gitops-agent-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _served(spectator: Spectator) -> bool:
    spectator.discovery.invalidate(GROUP)
    kinds = {resource.kind for resource in spectator.discovery.kinds() if resource.group == GROUP}
    return {"Application", "Notifier", "RolloutPolicy"} <= kinds
