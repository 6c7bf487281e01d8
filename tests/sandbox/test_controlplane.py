from __future__ import annotations

import base64
import json
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gitops_agent.errors import AgentError, Forbidden, NotFound, Unavailable, UsageError
from gitops_agent.sandbox.apiclient import ApiClient
from gitops_agent.sandbox.bootstrap import BootError
from gitops_agent.sandbox.components import ORDER
from gitops_agent.sandbox.controlplane import ControlPlane, SandboxDown, status, stop
from gitops_agent.sandbox.state import Phase, State
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer
from tests.sandbox.processes import none_running, running
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
faults = pytest.mark.faults


def _pids(state: State) -> list[int]:
    return [state.supervisor, *(part.pid for part in state.components if part.pid is not None)]


def _config_map(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}


_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of this module's own, whose components may be killed."""
    with ControlPlane.start(tmp_path_factory.mktemp("own") / "plane", nodes=1, tied=True) as plane:
        yield plane


def test_two_side_by_side_know_nothing_of_each_other(own: ControlPlane, control_plane: ControlPlane) -> None:
    assert own.host != control_plane.host
    own.request("POST", _MAPS, _config_map("mine"))
    with pytest.raises(NotFound):
        control_plane.request("GET", f"{_MAPS}/mine")
    with pytest.raises((Forbidden, Unavailable)):
        ApiClient(control_plane.host, authority=control_plane.authority, token=own.token).request("GET", "/api/v1/nodes")


def test_starting_where_one_runs_gives_that_one(own: ControlPlane) -> None:
    again = ControlPlane.start(own.directory, nodes=7)
    assert again.host == own.host
    assert again.state().supervisor == own.state().supervisor


def test_every_component_is_alive_with_its_version_and_ports(own: ControlPlane) -> None:
    state = own.state()
    assert state.phase is Phase.READY
    assert tuple(part.name for part in state.components) == ORDER
    assert all(part.alive and part.version and part.starts >= 1 for part in state.components)
    assert state.components[1].ports == (int(own.host.rpartition(":")[2]),)


def test_etcd_takes_connections_of_its_user_only(own: ControlPlane) -> None:
    (etcd,) = own.directory.rglob("etcd.sock")

    assert stat.S_ISSOCK(etcd.stat().st_mode)
    assert not etcd.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    assert not own.state().components[0].ports


def _command(path: Path) -> bytes:
    """The command line of a process, empty once it has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_no_component_has_the_limits_of_the_program_that_launched_it(own: ControlPlane) -> None:
    folder = str(own.directory).encode()
    parts = [path for path in Path("/proc").glob("[0-9]*/cmdline") if folder in _command(path)]
    pids = [int(path.parent.name) for path in parts]
    assert len(pids) >= len(ORDER)
    assert {resource.prlimit(pid, resource.RLIMIT_CPU) for pid in pids} == {resource.getrlimit(resource.RLIMIT_CPU)}


@faults
def test_a_restarted_api_server_keeps_its_port_and_its_data(own: ControlPlane) -> None:
    own.request("POST", _MAPS, _config_map("kept"))
    before = own.state()
    own.restart("kube-apiserver")
    after = own.state()
    assert after.components[1].pid != before.components[1].pid
    assert after.components[1].ports == before.components[1].ports
    assert own.request("GET", f"{_MAPS}/kept")["data"] == {"a": "1"}


@faults
def test_a_halted_component_stays_down_until_it_is_resumed(own: ControlPlane) -> None:
    own.halt("kube-apiserver", grace_seconds=1)
    with pytest.raises(Unavailable):
        own.request("GET", "/version")
    assert not own.state().components[1].alive
    own.resume("kube-apiserver")
    own.wait_for_api()
    assert own.request("GET", "/version")["major"] == "1"


@faults
def test_a_component_that_dies_is_recorded_and_not_started_again(own: ControlPlane) -> None:
    kwok = own.state().components[-1]
    assert kwok.pid is not None
    subprocess.run(["kill", "-9", str(kwok.pid)], check=True)
    eventually(lambda: own.state().components[-1].exit_code == -9)
    dead = own.state().components[-1]
    assert not dead.alive
    assert dead.last_words
    assert dead.ended_at
    assert [part.alive for part in own.state().components] == [True, True, True, True, False]
    own.restart("kwok")
    assert own.state().components[-1].alive


def test_what_is_no_component_cannot_be_restarted(own: ControlPlane) -> None:
    with pytest.raises(AgentError, match="cannot restart nginx"):
        own.restart("nginx")


def test_a_service_account_acts_with_its_own_rights(control_plane: ControlPlane, namespace: str) -> None:
    path = control_plane.service_account_kubeconfig(namespace, "default")
    user = yaml.safe_load(path.read_text())["users"][0]
    assert user["name"] == f"system:serviceaccount:{namespace}:default"
    client = ApiClient(control_plane.host, authority=control_plane.authority, token=user["user"]["token"])
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    review = client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body)
    assert review["status"]["userInfo"]["username"] == user["name"]
    with pytest.raises(Forbidden):
        client.request("GET", f"/api/v1/namespaces/{namespace}/secrets")


def test_an_account_stays_logged_in_for_a_week(control_plane: ControlPlane, namespace: str) -> None:
    _, claims, _ = control_plane.service_account_token(namespace, "default").split(".")
    token = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))

    assert token["exp"] - token["iat"] >= 7 * 24 * 3600


def test_a_service_account_that_is_not_there_has_no_token(control_plane: ControlPlane, namespace: str) -> None:
    with pytest.raises(NotFound):
        control_plane.service_account_token(namespace, "nobody")


def test_quota_is_enforced(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}"
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"services": "0"}}}
    control_plane.request("POST", f"{path}/resourcequotas", quota)
    eventually(lambda: control_plane.request("GET", f"{path}/resourcequotas/q")["status"].get("used"))
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    with pytest.raises(Forbidden, match="exceeded quota"):
        control_plane.request("POST", f"{path}/services", service)


def test_ending_leaves_no_process_and_no_folder_and_can_be_repeated(tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path / "plane", nodes=1, tied=True)
    pids = _pids(plane.state())
    assert all(running(pid) for pid in pids)
    plane.stop()
    eventually(lambda: none_running(pids))
    assert not (tmp_path / "plane").exists()
    assert not stop(tmp_path / "plane")
    plane.stop()
    with pytest.raises(SandboxDown):
        plane.state()


_STARTER = """
import pathlib, sys, threading
from gitops_agent.sandbox.controlplane import ControlPlane
plane = ControlPlane.start(pathlib.Path(sys.argv[1]), nodes=1, tied=True)
print("ready", flush=True)
threading.Event().wait()
"""


@faults
def test_killing_the_process_it_is_tied_to_leaves_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _STARTER, str(tmp_path / "plane")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
        state = status(tmp_path / "plane")
        starter.kill()
    assert state is not None
    assert state.tied_to == starter.pid
    eventually(lambda: none_running(_pids(state)))
    eventually(lambda: not (tmp_path / "plane").exists(), what="even the folder is gone")


@faults
def test_killing_the_supervisor_leaves_no_process_and_the_next_start_cleans_up(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    first = ControlPlane.start(folder, nodes=1, tied=True)
    first.request("POST", _MAPS, _config_map("old"))
    pids = _pids(first.state())
    subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pids[0])], check=True)
    eventually(lambda: none_running(pids))
    assert status(folder) is None
    with pytest.raises(AgentError):
        first.restart("kwok")
    with ControlPlane.start(folder, nodes=1, tied=True) as second, pytest.raises(NotFound):
        second.request("GET", f"{_MAPS}/old")
    assert not folder.exists()


def test_a_component_that_cannot_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    binaries = {name: (here.path, here.version) for name, here in Installer().ensure(selected(ORDER)).items()}
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho 'no such luck' >&2\nexit 4\n")
    broken.chmod(0o755)
    folder = tmp_path / "plane"
    with pytest.raises(BootError, match="kube-apiserver ended with code 4: no such luck"):
        ControlPlane.start(folder, nodes=1, tied=True, binaries=binaries | {"kube-apiserver": (broken, "0")})
    assert status(folder) is None
    assert (folder / "logs" / "kube-apiserver.log").read_text() == "no such luck\n"
    assert stop(folder)
    assert not folder.exists()


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError):
        ControlPlane.start(tmp_path)
