from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.worker.launch import ProcessDialer, SocketDialer

NONE: dict[str, Path | None] = {"helm": None, "kustomize": None}


def test_a_socket_that_is_not_there_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"does not answer at .*/s: No such file") as caught:
        SocketDialer(tmp_path / "s").connect()
    assert caught.value.transient


def test_a_connection_goes_to_who_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        SocketDialer(tmp_path / "s").connect().close()


def test_an_interpreter_that_is_gone_is_a_failure_that_may_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RenderError, match="could not be started") as caught:
        ProcessDialer(tmp_path / "scratch", NONE).connect()
    assert caught.value.transient
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_process_can_be_started_before_it_is_needed(tmp_path: Path) -> None:
    dialer = ProcessDialer(tmp_path / "scratch", NONE)
    dialer.start()
    dialer.connect().close()
    dialer.close()
    assert list((tmp_path / "scratch").iterdir()) == []
