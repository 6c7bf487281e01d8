"""Runs commands as a shell does: arguments, exit code and streams."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from gitops_agent.cli.main import main
from gitops_agent.observe import log
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.cluster_env import ClusterEnv, install_crds


@dataclass(frozen=True, slots=True)
class Said:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Resets the user's settings and the logging."""
    before = structlog.get_config()
    for name in ("GITOPS_AGENT_NAMESPACE", "GITOPS_AGENT_CONFIG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    yield
    structlog.configure(**before)
    log._OUTPUT.silent = False


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the entry point in this process."""
    # A test of another folder that uses this fixture gets its logging back too.
    monkeypatch.setattr(log._OUTPUT, "silent", False)

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["gitops-agent", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        streams = capsys.readouterr()
        assert isinstance(leaving.value.code, int)
        return Said(leaving.value.code, streams.out, streams.err)

    return call


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterEnv:
    """A namespace for Applications, selected by the environment.

    With the kubeconfig and the namespace.
    """
    install_crds(control_plane)
    monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
    monkeypatch.setenv("GITOPS_AGENT_NAMESPACE", namespace)
    return ClusterEnv(control_plane, namespace, tmp_path)
