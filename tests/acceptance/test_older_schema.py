"""Applications that were stored when the schema let more through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.crd import crds
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import InstalledAgent, apply, upgrade_crds
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _lenient() -> Object:
    """The Application CRD without its schema."""
    crd = copy(next(definition for definition in crds() if definition["spec"]["names"]["kind"] == "Application"))
    for version in crd["spec"]["versions"]:
        version["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"spec": ANYTHING, "status": ANYTHING}}
    return crd


def test_a_bad_duration_and_a_bad_mode_stall_only_the_applications_that_have_them(tmp_path: Path) -> None:
    with (
        ControlPlane.start(tmp_path / "plane", nodes=1, tied=True) as plane,
        InstalledAgent(plane, "gitops-agent", tmp_path / "installed") as installed,
    ):
        plane.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        team = Tenant(installed, None, "shop", tmp_path / "team")
        commit = team.commit(files(config_map("good")))
        apply(plane, _lenient(), manager="gitops-agent-install")
        wrong: dict[str, dict[str, Any]] = {"duration": {"sync": {"interval": "soon"}}, "mode": {"sync": {"mode": "reckless"}}}
        for name, spec in wrong.items():
            team.until(lambda name=name, spec=spec: _declared(team, name, spec), f"{name} is stored")  # type: ignore[misc]
        upgrade_crds(plane)

        team.agent = installed.start(settings={"leader__enabled": "false"})
        team.declare("right")

        team.settled(commit, "right")
        assert "30s" in team.says("InvalidSpec", "spec.sync.interval", short="duration")
        team.says("InvalidSpec", "spec.sync.mode", short="mode")
        assert team.condition("Stalled", "duration")["status"] == "True"
        assert team.configs() == {"good"}


def _declared(team: Tenant, name: str, spec: dict[str, Any]) -> bool:
    """Whether the lenient schema is served, as the API server shows."""
    return bool(team.declare(name, source={"path": name}, **spec))
