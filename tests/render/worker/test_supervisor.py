"""Workers behind a socket, as in a container of their own."""

from __future__ import annotations

import contextlib
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gitops_agent.render.request import Failure, RenderLimits
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worker.launch import SocketDialer
from gitops_agent.render.worker.supervisor import listen
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import CHART, ask, config_map, put
from tests.waiting import LIMIT_SECONDS, eventually


@pytest.fixture
def server(tmp_path: Path, programs: Mapping[str, Path]) -> Iterator[subprocess.Popen[bytes]]:
    """`gitops-agent render-worker`, as the container starts it."""
    argv = [sys.executable, "-m", "gitops_agent", "render-worker", "--socket", str(tmp_path / "s")]
    argv += ["--scratch", str(tmp_path / "scratch")]
    argv += [word for name, path in programs.items() for word in (f"--{name}", str(path))]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(argv, stderr=log)
    yield process
    process.terminate()
    assert process.wait(LIMIT_SECONDS) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_renders_behind_a_socket_are_renders(tmp_path: Path, repository: Path) -> None:
    put(repository, {"h/Chart.yaml": CHART, "h/templates/a.yaml": config_map(), "p/a.yaml": config_map("p")})
    programs: dict[str, Path | None] = {"helm": None, "kustomize": None}
    workers = RenderWorkers(SocketDialer(tmp_path / "s"), limits=RenderLimits(), programs=programs)
    tree = WorkTree(repository)
    rendered = eventually(lambda: attempt(workers, tree, "h"))

    assert [manifest.key.name for manifest in rendered.manifests] == ["settings"]
    assert workers.render(tree, ask("p")).manifests[0].key.name == "p"
    workers.stop()
    eventually(lambda: not list((tmp_path / "scratch").rglob("worker-*")))
    assert (tmp_path / "log").read_text().startswith(f"rendering at {tmp_path}/s; network: no")


def attempt(workers: RenderWorkers, tree: WorkTree, path: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - of `eventually`
    result = workers.attempt(tree, ask(path))
    if isinstance(result, Failure):
        assert result.passing, result.error.message
        return None
    return result


@pytest.mark.slow
def test_what_a_stranger_sends_ends_its_worker_only(server: subprocess.Popen[bytes], tmp_path: Path, repository: Path) -> None:
    def connect() -> socket.socket | None:
        stranger = socket.socket(socket.AF_UNIX)
        try:
            stranger.connect(str(tmp_path / "s"))
        except OSError:
            stranger.close()
            return None
        return stranger

    for data in (b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\2\0\0\0\0{}"):
        stranger = eventually(connect)
        assert stranger is not None
        with stranger:
            stranger.sendall(data)
            stranger.settimeout(LIMIT_SECONDS)
            with contextlib.suppress(ConnectionResetError):
                while stranger.recv(4096):
                    pass
    assert server.poll() is None
    put(repository, {"p/a.yaml": config_map("p")})
    workers = RenderWorkers(SocketDialer(tmp_path / "s"), limits=RenderLimits(), programs={"helm": None, "kustomize": None})
    assert workers.render(WorkTree(repository), ask("p")).manifests
    workers.stop()


def test_a_socket_is_for_this_user_and_group_and_replaces_one_of_a_dead_process(tmp_path: Path) -> None:
    listen(tmp_path / "s").close()
    with listen(tmp_path / "s"):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660


@pytest.mark.slow
def test_a_supervisor_ends_at_sigterm_while_it_renders(server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    eventually((tmp_path / "s").exists)
    with socket.socket(socket.AF_UNIX) as connection:
        eventually(lambda: connection.connect_ex(str(tmp_path / "s")) == 0)
        server.send_signal(signal.SIGTERM)
        assert server.wait(LIMIT_SECONDS) == 0
