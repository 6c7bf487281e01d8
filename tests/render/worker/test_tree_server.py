"""Questions that no honest worker asks; the others are those of `test_remote_tree`."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.render.request import RenderLimits
from gitops_agent.render.worker.channel import Channel, ChannelError
from gitops_agent.render.worker.tree_server import TreeServer
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import put


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[TreeServer, Channel]]:
    put(tmp_path / "folder", {"a": "x" * 10_000})
    here, there = socket.socketpair()
    yield TreeServer(WorkTree(tmp_path / "folder"), Channel(here), RenderLimits(files=2)), Channel(there)
    here.close()
    there.close()


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"ask": "delete"},
        {"ask": "entry"},
        {"ask": "entry", "path": 1},
        {"ask": "entry", "path": "€"},
        {"ask": "read", "path": "a", "limit": "x"},
        {"ask": "files", "paths": 3, "limit": 1},
        {"ask": "files", "paths": [None], "limit": 1},
    ],
)
def test_what_is_no_question_ends_the_conversation(server: tuple[TreeServer, Channel], question: dict[str, Any]) -> None:
    with pytest.raises(ChannelError, match="invalid"):
        server[0].answer(question)


@pytest.mark.parametrize("question", [{"ask": "entry", "path": "a"}, {"ask": "read", "path": "a", "limit": 100_000}])
def test_questions_without_end_are_ended(server: tuple[TreeServer, Channel], question: dict[str, Any]) -> None:
    near, far = server

    def ask() -> None:
        near.answer(question)
        far.receive()

    with pytest.raises(ChannelError, match="invalid"):
        deque(iter(ask, object()), maxlen=0)


def test_a_question_about_another_folder_is_refused(server: tuple[TreeServer, Channel]) -> None:
    near, far = server
    near.answer({"ask": "read", "path": "../outside", "limit": 100})
    assert far.receive().head["reason"] == "PathEscapes"
