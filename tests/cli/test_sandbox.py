from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from gitops_agent.cli.sandbox import default_directory, sandbox
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.waiting import eventually


def test_status_of_nothing_is_not_healthy(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["status", "--dir", str(tmp_path / "none")])
    assert result.exit_code == 3
    assert "nothing is running" in result.stderr
    result = CliRunner().invoke(sandbox, ["status", "--dir", str(tmp_path / "none"), "-o", "json"])
    assert json.loads(result.stdout) == {"phase": "down", "components": []}


def test_down_of_nothing_is_fine(tmp_path: Path) -> None:
    result = CliRunner().invoke(sandbox, ["down", "--dir", str(tmp_path / "none")])
    assert result.exit_code == 0
    assert "nothing was running" in result.stderr


def test_the_default_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "gitops-agent" / "sandbox"


@pytest.mark.cluster
@pytest.mark.e2e
def test_up_status_kill_and_down(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    runner = CliRunner()
    try:
        first = runner.invoke(sandbox, ["up", "--dir", str(folder), "--nodes", "2"])
        assert first.exit_code == 0, first.output
        assert first.stdout.splitlines()[-1] == str(folder / "kubeconfig")
        again = runner.invoke(sandbox, ["up", "--dir", str(folder)])
        assert again.exit_code == 0
        assert "already running" in again.stderr
        assert again.stdout == first.stdout
        shown = runner.invoke(sandbox, ["status", "--dir", str(folder), "-o", "json"])
        assert shown.exit_code == 0
        components = json.loads(shown.stdout)["components"]
        subprocess.run(["kill", "-9", str(components[-1]["pid"])], check=True)
        eventually(lambda: runner.invoke(sandbox, ["status", "--dir", str(folder)]).exit_code == 3)
    finally:
        down = runner.invoke(sandbox, ["down", "--dir", str(folder)])
    assert down.exit_code == 0
    assert not folder.exists()


@pytest.mark.cluster
def test_status_lists_the_components(control_plane: ControlPlane) -> None:
    result = CliRunner().invoke(sandbox, ["status", "--dir", str(control_plane.directory), "-o", "name"])
    assert result.exit_code == 0
    assert result.stdout.split() == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]
    table = CliRunner(env={"COLUMNS": "200"}).invoke(sandbox, ["status", "--dir", str(control_plane.directory)])
    assert control_plane.host in table.stdout
