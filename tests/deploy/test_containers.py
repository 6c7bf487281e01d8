"""The containers of the Deployment, run as the manifests say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.ports import free_ports
from tests.acceptance.installed_agent import InstalledAgent
from tests.acceptance.objects import config_map, files
from tests.acceptance.tenant import Tenant
from tests.deploy.conftest import ROOT, only
from tests.deploy.container import ENTRYPOINT, IMAGE, Container, refusal
from tests.waiting import eventually

pytestmark = pytest.mark.slow
AGENT = 65532
"""The user of the agent's container, and the group of the pod."""

CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
    "chart/templates/map.yaml": files(config_map("charted"))["configmap-charted.yaml"],
}


@pytest.fixture
def installed(control_plane: ControlPlane, tmp_path: Path, namespace: str) -> Iterator[InstalledAgent]:
    """An installation whose agent is started by the test."""
    with InstalledAgent(control_plane, f"agent-{namespace}", tmp_path / "installed") as made:
        yield made


def volumes(everything: list[Object], installed: InstalledAgent, folder: Path) -> dict[str, Path]:
    """The volumes of the pod as folders, as a kubelet leaves them."""
    pod = only(everything, "Deployment")["spec"]["template"]["spec"]
    made = {volume["name"]: folder / volume["name"] for volume in pod["volumes"]}
    for volume in made.values():
        volume.mkdir(parents=True)
        os.chown(volume, 0, AGENT)
        volume.chmod(0o2777)
    (config,) = (obj for obj in everything if obj["kind"] == "ConfigMap")
    (made["config"] / "config.yaml").write_text(config["data"]["config.yaml"])
    (made["account"] / "token").write_text(installed.token)
    (made["account"] / "ca.crt").write_bytes(installed.plane.authority)
    (made["account"] / "namespace").write_text(installed.namespace)
    return made


def pushed(team: Tenant, changes: Mapping[str, str]) -> str:
    """A commit in a repository that the agent's user owns."""
    _owned(team, 0)
    commit = team.repository.commit(changes)
    _owned(team, AGENT)
    team.ask()
    return commit


def _owned(team: Tenant, user: int) -> None:
    for path in [team.repository.bare, *team.repository.bare.rglob("*")]:
        os.chown(path, user, user)


def test_the_processes_have_the_entry_point_and_the_environment_of_the_image() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert f'ENTRYPOINT ["{ENTRYPOINT}"]' in image
    assert {f"{name}={value}" for name, value in IMAGE.items()} <= set(image.split())


def test_every_volume_is_mounted_and_every_mount_has_a_volume(everything: list[Object]) -> None:
    pod = only(everything, "Deployment")["spec"]["template"]["spec"]
    mounts = [mount for container in pod["containers"] for mount in container["volumeMounts"]]
    assert {mount["name"] for mount in mounts} == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.cluster
def test_the_agents_container_renders_through_the_one_that_renders_which_sees_nothing_of_it(
    everything: list[Object], installed: InstalledAgent, namespace: str, tmp_path: Path
) -> None:
    if reason := refusal():
        pytest.skip(reason)
    folder = tmp_path / "pod"
    mounted = volumes(everything, installed, folder)
    pod = only(everything, "Deployment")["spec"]["template"]["spec"]
    team = Tenant(installed, None, namespace, tmp_path / "team")
    server = urlsplit(installed.plane.host)
    environ = {
        "GITOPS_AGENT_CLUSTER__NAMESPACE": installed.namespace,
        "KUBERNETES_SERVICE_HOST": str(server.hostname),
        "KUBERNETES_SERVICE_PORT": str(server.port),
        # Only for this test: a repository in a folder, and a port that is free on this machine.
        "GITOPS_AGENT_SOURCE__ALLOW_FILE": "true",
        "GITOPS_AGENT_SERVER__PORT": str(free_ports(1)[0]),
    }
    render = Container(pod, "render", folder, volumes=mounted)
    agent = Container(pod, "agent", folder, volumes=mounted, more=(tmp_path / "team",), environ=environ)
    with ExitStack() as stack:
        stack.callback(render.stop)
        render.start()
        eventually(lambda: "rendering at /run/gitops-agent/render.sock" in render.text(), what="it listens")
        commit = pushed(team, CHART)
        team.declare(source={"path": "chart"})
        stack.callback(team.close)
        stack.callback(agent.stop)
        agent.start()
        try:
            team.settled(commit)
        except AssertionError as error:
            error.add_note(f"{render.text()}\n{agent.text()[-4000:]}")
            raise

        assert team.configs() == {"charted"}
        assert "files: programs and scratch folder" in render.text()
        assert "NOT CONFINED" not in render.text()
        for container, user in ((render, "65533"), (agent, "65532")):
            status = container.status()
            assert (status["Uid"].split()[0], status["NoNewPrivs"], int(status["CapEff"], 16)) == (user, "1", 0)
        assert agent.sees("/var/run/secrets/kubernetes.io/serviceaccount/token")
        for hidden in ("/run/secrets", "/var/cache", "/etc/gitops-agent", str(tmp_path / "team")):
            assert not render.sees(hidden), hidden

        assert render.stop() == 0
        render.start()
        again = pushed(team, {"chart/templates/map.yaml": files(config_map("charted", key="newer"))["configmap-charted.yaml"]})
        team.settled(again)
        assert agent.stop() == 0
