from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.sandbox import control_socket


def _answer_once(server: socket.socket, answer: dict[str, Any], notifications: list[dict[str, Any]]) -> threading.Thread:
    server.setblocking(True)

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            notifications.append(control_socket.receive(connection))
            control_socket.send(connection, answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_a_request_gets_its_answer_even_in_a_very_deep_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    notifications: list[dict[str, Any]] = []
    with control_socket.listen(deep) as server:
        thread = _answer_once(server, {"ok": True, "n": 1}, notifications)
        assert control_socket.ask(deep, {"do": "restart"}) == {"ok": True, "n": 1}
        thread.join(60)
    assert notifications == [{"do": "restart"}]


def test_a_refusal_is_an_error_with_its_text(tmp_path: Path) -> None:
    with control_socket.listen(tmp_path) as server:
        thread = _answer_once(server, {"ok": False, "error": "not now"}, [])
        with pytest.raises(AgentError, match="not now"):
            control_socket.ask(tmp_path, {"do": "restart"})
        thread.join(60)


def test_a_refused_connection_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="does not answer"):
        control_socket.ask(tmp_path, {"do": "stop"})


def test_nonsense_is_heard_as_an_empty_request() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"[1]\n")
        assert control_socket.receive(ours) == {}
        theirs.sendall(b"hello\n")
        assert control_socket.receive(ours) == {}
