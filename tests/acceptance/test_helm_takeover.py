"""Releases that the real helm made, taken over without a restart."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gitops_agent.cli.import_resources import import_resources
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_generated_values import chart, pods, secret, workload

pytestmark = [pytest.mark.cluster]


@pytest.fixture(scope="module")
def helm() -> Path:
    return Installer().ensure(selected(("helm",)))["helm"].path


class Release:
    """A release, and the commands about it."""

    def __init__(self, team: Tenant, helm: Path) -> None:
        self.team, self._helm = team, helm
        self.kubeconfig = str(team.plane.kubeconfig)
        self.folder = team.folder / "chart"

    def helm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        home = {"HOME": str(self.team.folder), "PATH": os.environ["PATH"], "KUBECONFIG": self.kubeconfig}
        command = [str(self._helm), *arguments, "--namespace", self.team.namespace]
        return subprocess.run(command, env=home, capture_output=True, text=True, check=True, timeout=120)

    def run(self, *arguments: str) -> Result:
        options = ["-n", self.team.namespace, "--to-namespace", self.team.installed.namespace, "--kubeconfig", self.kubeconfig]
        return CliRunner().invoke(import_resources, ["helm", self.name, *arguments, *options])

    @property
    def name(self) -> str:
        return self.team.name("app")

    @property
    def secrets(self) -> list[str]:
        path = f"/api/v1/namespaces/{self.team.namespace}/secrets?labelSelector=owner%3Dhelm"
        return [item["metadata"]["name"] for item in self.team.plane.request("GET", path)["items"]]

    def install(self, files: Mapping[str, str | bytes]) -> None:
        for name, text in files.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.helm("install", self.name, str(self.folder), "--set", "user=admin")


@pytest.fixture
def release(team: Tenant, helm: Path) -> Release:
    return Release(team, helm)


def warnings(team: Tenant) -> list[str]:
    return list((team.application().get("status") or {}).get("warnings") or [])


def test_a_release_is_taken_over_with_its_passwords_and_without_a_restart(release: Release) -> None:
    team = release.team
    release.install(chart())
    release.helm("upgrade", release.name, str(release.folder), "--set", "user=admin", "--set", "replicas=2")
    password, template = secret(team)["password"], pods(team)

    result = release.run("--repo-url", team.repository.url, "--path", ".")
    assert result.exit_code == 0, result.output
    assert "our render is what the release holds" in result.stderr
    (application,) = load_all(result.stdout.encode())
    assert application["spec"]["sync"] == {"mode": "observe"}
    assert application["spec"]["render"]["helm"] == {"releaseName": release.name, "values": {"user": "admin", "replicas": 2}}
    assert password not in result.output

    team.commit(chart())
    declare(team, application)
    team.until(
        lambda: [warning for warning in warnings(team) if warning.startswith("HelmReleasePresent")], "the release is told of"
    )
    assert release.run("--retire", "--yes").exit_code != 0
    assert len(release.secrets) == 2

    commit = team.commit({"README.md": "1"})
    declare(team, application, mode="auto")
    team.settled(commit)
    assert secret(team)["password"] == password
    assert pods(team) == template
    assert workload(team)["spec"]["replicas"] == 2

    retired = release.run("--retire", "--yes")
    assert retired.exit_code == 0, retired.output
    assert f"= 3 objects of Application {team.installed.namespace}/{release.name} stay" in retired.stdout
    assert release.secrets == []
    team.until(lambda: not warnings(team), "the warning is gone")
    assert secret(team)["password"] == password
    assert release.run().exit_code != 0


def declare(team: Tenant, application: Object, *, mode: str = "observe") -> None:
    spec: dict[str, Any] = {**application["spec"], "sync": {"mode": mode}}
    team.declare(**{name: value for name, value in spec.items() if name not in ("source", "destination")})


def test_a_changed_chart_is_shown(release: Release) -> None:
    release.install(chart())
    release.helm("upgrade", release.name, str(release.folder), "--set", "user=admin", "--set", "replicas=2")
    folder = release.team.folder / "out"
    result = release.run("-o", str(folder))
    assert result.exit_code == 3
    assert "the release does not say where its chart is from" in result.stderr
    written = folder / "chart" / release.name
    assert (written / "templates" / "secret.yaml").read_text() == (release.folder / "templates" / "secret.yaml").read_text()
