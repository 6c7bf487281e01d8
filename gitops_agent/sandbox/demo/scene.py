"""The shared context of chapters: cluster, repository and report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.install import bundle
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import APPROVED, REQUESTED
from gitops_agent.sandbox.demo.cluster import Spectator, settled
from gitops_agent.sandbox.demo.metrics import Metrics
from gitops_agent.sandbox.demo.receiver import Receiver
from gitops_agent.sandbox.demo.repository import DemoRepository
from gitops_agent.toolchain.progress import Progress

NAMESPACE = bundle.NAMESPACE
"""Where the Applications live."""

_PRODUCTION = "apps/shop/overlays/production/kustomization.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An observed step: its words and its duration in seconds."""

    title: str
    seen: str
    seconds: float


@dataclass(slots=True, kw_only=True)
class Scene:
    """The context of a chapter.

    Attributes:
        progress: receives the report.
        spectator: watches the cluster.
        repository: receives commits.
        receiver: got what the agent announced.
        metrics: answered what the agent measured.
        steps: what was seen so far.
    """

    progress: Progress
    spectator: Spectator
    repository: DemoRepository
    receiver: Receiver
    metrics: Metrics
    steps: list[Step] = field(default_factory=list)

    def seen(self, title: str, words: str, started: float) -> None:
        """A step was seen; `started` is a time of the monotonic clock."""
        step = Step(title=title, seen=words, seconds=time.monotonic() - started)
        self.steps.append(step)
        self.progress.say(f"✓ {step.title} ({step.seconds:.1f} s): {step.seen}")

    def report(self, words: str) -> None:
        """One line within a step."""
        self.progress.say(f"    {words}")

    def notifications(self, kind: str, *, about: str = "") -> list[dict[str, Any]]:
        """The notifications of one type of event, optionally of one commit."""
        messages = [message for message in self.receiver.messages if message.get("event") == kind]
        return [event for event in messages if not about or (event.get("revision") or {}).get("commit") == about]

    def release(self, image: str, old: str, new: str, message: str) -> str:
        """Commits another image tag, triggers a poll, and returns the commit."""
        before, after = (f"name: registry.example.com/shop/{image}\n    newTag: {tag}\n" for tag in (old, new))
        self.repository.edit(_PRODUCTION, lambda text: text.replace(before, after))
        commit = self.repository.commit(message)
        ask(self.spectator, "shop")
        return commit

    def ready(self, name: str, commit: str, *, seconds: float = 60.0) -> None:
        """Waits until an Application is Ready at a commit.

        Raises:
            NotSeen: it was not, in the time given.
        """
        self.spectator.until(
            f"{name} is ready at {commit[:12]}",
            lambda: settled(self.spectator.application(name, NAMESPACE), commit),
            seconds=seconds,
        )


def ask(spectator: Spectator, name: str) -> None:
    """What a webhook or `gitops-agent sync` does: look now."""
    stamp = f"{time.time():.3f}"
    spectator.objects.merge_patch(
        APPLICATION.named(NAMESPACE, name),
        {"metadata": {"annotations": {REQUESTED: stamp}}},
        field_manager="gitops-agent-cli",
    )


def approve(spectator: Spectator, name: str, plan: str) -> None:
    """What `gitops-agent approve` does."""
    spectator.objects.merge_patch(
        APPLICATION.named(NAMESPACE, name),
        {"metadata": {"annotations": {APPROVED: plan}}},
        field_manager="gitops-agent-cli",
    )
