from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.yaml import dump_all
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.cluster import Spectator
from gitops_agent.sandbox.demo.metrics import Metrics
from gitops_agent.sandbox.demo.receiver import Receiver
from gitops_agent.sandbox.demo.repository import DemoRepository
from gitops_agent.sandbox.demo.scene import Scene

pytestmark = pytest.mark.cluster


class Told:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def step(self, text: str) -> Any:
        raise NotImplementedError


@pytest.fixture
def scene(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "a.yaml").write_text(dump_all([{"a": 1}]))
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    receiver, metrics = Receiver("secret", lambda _: None), Metrics(lambda _: None)
    yield Scene(
        progress=Told(),
        spectator=Spectator(transport),
        repository=DemoRepository(tmp_path, tmp_path / "example"),
        receiver=receiver,
        metrics=metrics,
    )
    metrics.stop()
    receiver.stop()
    transport.close()


def test_what_was_seen_is_kept_and_reported(scene: Scene) -> None:
    scene.seen("A step", "it happened", 0.0)

    assert [(step.title, step.seen) for step in scene.steps] == [("A step", "it happened")]
    assert isinstance(scene.progress, Told)
    assert scene.progress.lines[0].startswith("✓ A step (")


def test_what_was_heard_is_distinguished_by_kind_and_commit(scene: Scene) -> None:
    scene.receiver.messages = [
        {"event": "Promoted", "revision": {"commit": "aa"}},
        {"event": "Promoted", "revision": {"commit": "bb"}},
        {"event": "Synced"},
    ]

    assert len(scene.notifications("Promoted")) == 2
    assert scene.notifications("Promoted", about="bb") == [scene.receiver.messages[1]]
    assert scene.notifications("Synced", about="bb") == []
