"""Workers of their own, and trees on both ends of a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gitops_agent.render.request import RenderLimits
from gitops_agent.render.worker.channel import Channel, ChannelError
from gitops_agent.render.worker.client import RenderWorkers
from gitops_agent.render.worker.launch import ProcessDialer
from gitops_agent.render.worker.remote_tree import RemoteTree
from gitops_agent.render.worker.tree_server import TreeServer
from gitops_agent.revision.tree import Tree

Start = Callable[..., RenderWorkers]


@pytest.fixture
def start(tmp_path: Path, programs: Mapping[str, Path]) -> Iterator[Start]:
    """Starts workers, with other programs or limits."""
    started: list[RenderWorkers] = []
    scratch = tmp_path / "scratch"

    def do(*, limits: RenderLimits | None = None, kustomize: Path | None = None) -> RenderWorkers:
        chosen: dict[str, Path | None] = {"helm": programs["helm"], "kustomize": kustomize or programs["kustomize"]}
        workers = RenderWorkers(ProcessDialer(scratch, chosen), limits=limits or RenderLimits(), programs=chosen)
        started.append(workers)
        return workers

    yield do
    for workers in started:
        workers.stop()
    assert not scratch.exists() or not list(scratch.iterdir()), "a render left files behind"


@pytest.fixture
def remote() -> Iterator[Callable[[Tree, str], RemoteTree]]:
    """The worker's end of a tree, after a request for a path."""
    ends: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def do(tree: Tree, path: str) -> RemoteTree:
        here, there = socket.socketpair()
        ends.extend((here, there))
        channel, far = Channel(here), Channel(there)
        server = TreeServer(tree, channel, RenderLimits())

        def answer() -> None:
            try:
                server.start({"path": path, "commit": tree.commit})
                while True:
                    server.answer(channel.receive().head)
            except ChannelError:
                here.close()

        thread = threading.Thread(target=answer)
        thread.start()
        threads.append(thread)
        return RemoteTree(far, far.receive())

    yield do
    for end in ends[1::2]:
        end.close()
    for thread in threads:
        thread.join(60)
