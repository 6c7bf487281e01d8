from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.pod_failures import POD, PodFailure
from tests.cli.conftest import Run, Said
from tests.waiting import eventually

pytestmark = pytest.mark.slow


def objects(result: Said) -> list[Object]:
    manifests: list[Object] = load_all(result.stdout.encode(), file="stdout")
    return manifests


def test_it_is_printed_unless_asked_to_apply_and_needs_no_cluster(run: Run) -> None:
    result = run("install", "--kubeconfig", "/nowhere", "--image", "registry.example.com/gitops-agent:1")

    manifests = objects(result)
    assert result.code == 0
    assert [obj["kind"] for obj in manifests][:4] == [*["CustomResourceDefinition"] * 3, "Namespace"]
    (deployment,) = (obj for obj in manifests if obj["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example.com/gitops-agent:1"


def test_the_read_only_flavour_has_no_write_role(run: Run) -> None:
    full = {obj["metadata"]["name"] for obj in objects(run("install"))}
    reading = {obj["metadata"]["name"] for obj in objects(run("install", "--read-only"))}

    assert full - reading == {"gitops-agent-write"}


def test_the_rights_of_the_default_are_named(run: Run) -> None:
    assert "equivalent to a cluster administrator" in run("install").stderr
    assert run("install", "--read-only").stderr == ""


def test_another_namespace_is_refused_rather_than_ignored(run: Run) -> None:
    result = run("install", "-n", "elsewhere")

    assert (result.code, result.stdout) == (2, "")
    assert "gitops-system" in result.stderr


@pytest.mark.cluster
def test_applying_twice_changes_nothing(control_plane: ControlPlane, run: Run) -> None:
    image = ("--image", "registry.example.com/gitops-agent:1")
    words = ("install", "--apply", "--read-only", "--no-wait", *image, "--kubeconfig", str(control_plane.kubeconfig))

    first = run(*words)
    assert (first.code, first.stderr) == (0, "")
    assert all(line.endswith((" applied", " unchanged")) for line in first.lines)

    def nothing_new() -> bool:
        return all(line.endswith(" unchanged") for line in run(*words).lines)

    # Controllers write the statuses of what was just made, and with them new versions of the objects.
    eventually(nothing_new, every=0.5)


@pytest.mark.cluster
def test_it_waits_until_the_agent_runs_and_says_what_is_next(control_plane: ControlPlane, run: Run) -> None:
    result = run("install", "--apply", "--kubeconfig", str(control_plane.kubeconfig))

    note, warning, end = result.stderr.splitlines()
    assert (result.code, note.partition(":")[0], warning.partition(":")[0]) == (0, "note", "warning")
    assert "name it with --image" in warning
    assert end.startswith("the agent runs; next, check it with `gitops-agent check --as-agent`")


@pytest.fixture
def unpullable(control_plane: ControlPlane, run: Run) -> Iterator[None]:
    """An installed agent whose pods ask for an image that is nowhere."""

    def annotate(value: str | None) -> None:
        template = {"metadata": {"annotations": {POD: value}}}
        path = "/apis/apps/v1/namespaces/gitops-system/deployments/gitops-agent"
        control_plane.request("PATCH", path, {"spec": {"template": template}}, content_type="application/merge-patch+json")

    assert run("install", "--apply", "--no-wait", "--kubeconfig", str(control_plane.kubeconfig)).code == 0
    annotate(PodFailure.NO_PULL.value)
    yield
    annotate(None)


@pytest.mark.cluster
@pytest.mark.usefixtures("unpullable")
def test_an_agent_that_cannot_be_pulled_is_explained_at_once(control_plane: ControlPlane, run: Run) -> None:
    result = run("install", "--apply", "--image", "example.com/a:1", "--kubeconfig", str(control_plane.kubeconfig))

    assert result.code == 3
    assert "\nthe agent does not run: " in result.stderr
    assert "(ImagePullFailed); no registry serves an image of the agent" in result.stderr
