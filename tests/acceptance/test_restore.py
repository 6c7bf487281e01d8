"""An etcd restored from a backup while the agent runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import InstalledAgent
from tests.acceptance.objects import config_map, config_maps, files
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.faults, pytest.mark.timeout(300)]
GRACE_SECONDS = 10.0


@contextmanager
def stopped_etcd(plane: ControlPlane) -> Iterator[Path]:
    """The data of an etcd, which runs again at the end."""
    plane.halt("kube-apiserver")
    plane.halt("etcd", grace_seconds=GRACE_SECONDS)
    yield plane.directory / "etcd"
    plane.resume("etcd")
    plane.resume("kube-apiserver")
    plane.wait_for_api()
    # As the manuals of etcd ask for: they would go on with what they remember.
    for component in ("kube-controller-manager", "kube-scheduler"):
        plane.restart(component)


def renewed(team: Tenant) -> tuple[str, str]:
    """Who holds the lease of the agent, and since when."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{team.installed.namespace}/leases/gitops-agent"
    spec: Object = team.plane.request("GET", path)["spec"]
    return spec["holderIdentity"], spec["renewTime"]


def test_what_was_applied_after_the_backup_is_applied_again_and_nothing_else_is_deleted(tmp_path: Path) -> None:
    with (
        ControlPlane.start(tmp_path / "plane", nodes=1, tied=True) as plane,
        InstalledAgent(plane, "gitops-agent", tmp_path / "installed") as installed,
    ):
        # The lease outlasts both restarts also on a busy machine: losing it ends the process, which is another test.
        agent = installed.start(settings={"leader__duration_seconds": "120"})
        plane.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        team = Tenant(installed, agent, "shop", tmp_path / "team")
        early = {"early/early.yaml": files(config_map("early"))["configmap-early.yaml"]}
        first = team.commit({f"app/{name}": text for name, text in files(*config_maps(3)).items()} | early)
        team.declare(source={"path": "app"})
        team.declare("early", source={"path": "early"})
        team.settled(first)
        team.settled(first, "early")
        foreign = team.foreign()
        uid = (team.config("item-1") or {})["metadata"]["uid"]
        with stopped_etcd(plane) as data:
            shutil.copytree(data, tmp_path / "backup")

        changed = {"app/configmap-item-0.yaml": files(config_map("item-0", key="newer"))["configmap-item-0.yaml"]}
        added = {"app/configmap-added.yaml": files(config_map("added"))["configmap-added.yaml"]}
        second = team.commit(changed | added | {"app/configmap-item-2.yaml": None})
        team.declare("late", source={"path": "early"}, destination={"namespace": "default"})
        team.settled(second)
        team.says("Synced", short="late")
        team.remove("early")
        team.until(lambda: team.configs() == {"item-0", "item-1", "added", "foreign"}, "the second state is live")
        holder, _ = renewed(team)

        with stopped_etcd(plane) as data:
            shutil.rmtree(data)
            shutil.copytree(tmp_path / "backup", data)

        _, before = renewed(team)
        team.until(lambda: (team.config("item-0") or {})["data"] == {"key": "newer"}, "what changed is applied again")
        team.until(lambda: team.configs() == {"item-0", "item-1", "added", "foreign", "early"}, "the newest commit is live")
        team.settled(second)
        team.says("Synced", short="early")
        assert (team.config("item-1") or {})["metadata"]["uid"] == uid
        assert (team.config("foreign") or {})["metadata"]["uid"] == foreign
        team.until(lambda: renewed(team)[1] > before, "the lease is renewed")
        assert renewed(team)[0] == holder
        assert agent.process.poll() is None
        third = team.commit({"app/configmap-item-0.yaml": files(config_map("item-0", key="newest"))["configmap-item-0.yaml"]})
        team.settled(third)
        assert agent.stop() == 0
