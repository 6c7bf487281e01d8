"""Serving in this process; `test_client` has the real ones."""

from __future__ import annotations

import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.render.request import Failure, Rendered, RenderLimits
from gitops_agent.render.worker import service
from gitops_agent.render.worker.channel import Channel, ChannelError
from gitops_agent.render.worker.messages import request_head
from gitops_agent.render.worker.result import Result
from gitops_agent.render.worker.service import serve
from gitops_agent.render.worker.tree_server import TreeServer
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import ask, config_map, put

Ask = Callable[..., tuple[Rendered | Failure, dict[str, Any]]]


@pytest.fixture
def limits() -> Iterator[RenderLimits]:
    """Limits so high that they do not bind this process."""
    kinds = (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE)
    before = [(kind, resource.getrlimit(kind)) for kind in kinds]
    handler = signal.getsignal(signal.SIGXFSZ)
    yield RenderLimits(memory_bytes=64 * 1024**3, seconds=10**6)
    for kind, values in before:
        resource.setrlimit(kind, values)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def render(repository: Path, tmp_path: Path, limits: RenderLimits, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Renders in a worker beside the test; returns its last message too."""
    here, there = socket.socketpair()
    monkeypatch.setattr(service, "_restrict", lambda _: None)  # signals are set in main threads only
    thread = threading.Thread(target=serve, args=(there, tmp_path, {"helm": None, "kustomize": None}))
    thread.start()
    channel = Channel(here)

    def do(files: dict[str, str | bytes]) -> tuple[Rendered | Failure, dict[str, Any]]:
        put(repository, files)
        channel.limit(time.monotonic() + 60, None)
        server, result = TreeServer(WorkTree(repository), channel, limits), Result(limits)
        server.start(request_head(ask("app"), limits, "c"))
        while True:
            message = channel.receive()
            if "ask" in message.head:
                server.answer(message.head)
                continue
            outcome = result.take(message)
            if outcome is not None:
                return outcome, message.head

    yield do
    channel.close()
    thread.join(60)
    there.close()
    assert not thread.is_alive()


def test_objects_in_several_messages_are_one_render(render: Ask) -> None:
    files: dict[str, str | bytes] = {f"app/{n}.yaml": config_map(f"n{n}", text="x" * 500_000) for n in range(5)}
    rendered, _ = render(files)
    assert isinstance(rendered, Rendered)
    assert [manifest.key.name for manifest in rendered.manifests] == [f"n{n}" for n in range(5)]


def test_an_object_that_no_api_server_takes_is_refused_with_its_name(render: Ask) -> None:
    failure, _ = render({"app/a.yaml": config_map("huge", text="x" * 5_000_000)})
    assert isinstance(failure, Failure)
    assert failure.error.reason == "RenderTooLarge"
    assert failure.error.message.startswith("app/a.yaml (document 1): ConfigMap:huge has 5")


def test_a_worker_is_replaced_after_some_renders(render: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_RESIDENT_BYTES", 1 << 40)
    assert render({"app/a.yaml": config_map()})[1]["last"] is False
    monkeypatch.setattr(service, "_RESIDENT_BYTES", 1)
    assert render({})[1]["last"] is True
    with pytest.raises(ChannelError, match="closed"):
        render({})


def test_the_kernel_holds_limits_of_a_render(limits: RenderLimits) -> None:
    service._restrict(limits)
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == limits.memory_bytes
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == limits.output_bytes
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] >= limits.seconds
