from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitops_agent.file_lock import FileLock, held
from gitops_agent.sandbox.spec import SandboxSpec
from gitops_agent.sandbox.state import Phase, read_state
from tests.sandbox.processes import none_running
from tests.waiting import eventually

pytestmark = pytest.mark.faults
_WAIT = "#!/bin/sh\nexec sleep 600\n"


def _order(folder: Path, tied_to: int, *, timeout_seconds: float = 60.0, program: str = _WAIT) -> SandboxSpec:
    folder.mkdir()
    script = folder.parent / "program"
    script.write_text(program)
    script.chmod(0o755)
    names = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    binaries = {name: (str(script), "1.0.0") for name in names}
    return SandboxSpec(directory=str(folder), nodes=1, binaries=binaries, tied_to=tied_to, timeout_seconds=timeout_seconds)


def _launch(order: SandboxSpec) -> None:
    subprocess.run([sys.executable, "-m", "gitops_agent.sandbox.supervisor", order.json()], check=True, timeout=60)


def _started(folder: Path) -> list[int]:
    eventually(lambda: len(_component_pids(folder)) == 2, what="the first two components")
    state = read_state(folder)
    assert state
    return [state.supervisor, *_component_pids(folder)]


def _component_pids(folder: Path) -> list[int]:
    state = read_state(folder)
    return [part.pid for part in state.components if part.pid is not None] if state else []


def test_it_detaches_at_once_and_ends_with_the_process_it_is_tied_to_even_while_starting(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    with subprocess.Popen(["sleep", "600"]) as tie:
        _launch(_order(folder, tie.pid))
        pids = _started(folder)
        tie.kill()
    eventually(lambda: none_running(pids))
    eventually(lambda: not folder.exists())


def test_it_ends_on_a_signal(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    _launch(_order(folder, os.getpid()))
    pids = _started(folder)
    subprocess.run(["kill", "-TERM", str(pids[0])], check=True)
    eventually(lambda: none_running(pids))
    eventually(lambda: not folder.exists())


def test_it_ends_at_once_when_what_it_is_tied_to_is_gone_already(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    with subprocess.Popen(["true"]) as gone:
        pass
    _launch(_order(folder, gone.pid))
    eventually(lambda: not folder.exists())


def test_a_second_one_leaves_the_first_alone(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    order = _order(folder, os.getpid())
    with FileLock(folder / "lock"):
        (folder / "kubeconfig").write_text("the first one's")
        _launch(order)
        assert held(folder / "lock")
        assert (folder / "kubeconfig").read_text() == "the first one's"


def test_what_is_not_ready_in_time_has_failed_and_nothing_of_it_runs_on(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    _launch(_order(folder, os.getpid(), timeout_seconds=0.3))
    state = eventually(lambda: (current := read_state(folder)) and current.phase is Phase.FAILED and current)
    assert state
    assert "not ready within 0.3 s while waiting for kube-apiserver to answer" in state.error
    assert not any(part.alive for part in state.components)
    eventually(lambda: none_running([state.supervisor]))


def test_taken_ports_are_tried_again_a_few_times(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    _launch(_order(folder, os.getpid(), program="#!/bin/sh\necho bind: address already in use\nexit 1\n"))
    state = eventually(lambda: (current := read_state(folder)) and current.phase is Phase.FAILED and current)
    assert state
    assert "address already in use" in state.error
