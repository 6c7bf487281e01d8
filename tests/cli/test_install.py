from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.conftest import Run, Said
from tests.waiting import eventually


def objects(said: Said) -> list[Object]:
    found: list[Object] = load_all(said.stdout.encode(), file="stdout")
    return found


def test_it_is_printed_unless_asked_to_apply_and_needs_no_cluster(run: Run) -> None:
    result = run("install", "--kubeconfig", "/nowhere", "--image", "registry.example.com/gitops-agent:1")

    found = objects(result)
    assert result.code == 0
    assert [obj["kind"] for obj in found][:4] == [*["CustomResourceDefinition"] * 3, "Namespace"]
    (deployment,) = (obj for obj in found if obj["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/gitops-agent:1"


def test_the_read_only_flavour_has_no_write_role(run: Run) -> None:
    full = {obj["metadata"]["name"] for obj in objects(run("install"))}
    reading = {obj["metadata"]["name"] for obj in objects(run("install", "--read-only"))}

    assert full - reading == {"gitops-agent-write"}


def test_another_namespace_is_refused_rather_than_ignored(run: Run) -> None:
    result = run("install", "-n", "elsewhere")

    assert (result.code, result.stdout) == (2, "")
    assert "gitops-system" in result.stderr


@pytest.mark.cluster
def test_applying_twice_changes_nothing(control_plane: ControlPlane, run: Run) -> None:
    words = ("install", "--apply", "--read-only", "--kubeconfig", str(control_plane.kubeconfig))

    first = run(*words)
    assert (first.code, first.stderr) == (0, "")
    assert all(line.endswith((" applied", " unchanged")) for line in first.lines)

    def nothing_new() -> bool:
        return all(line.endswith(" unchanged") for line in run(*words).lines)

    # Controllers write the statuses of what was just made, and with them new versions of the objects.
    eventually(nothing_new, seconds=60, every=0.5)
