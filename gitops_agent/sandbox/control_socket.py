"""Control socket of a supervisor: one JSON line each way.

Socket addresses hold 107 bytes and temporary folders are often deeper, so both ends name the socket through a descriptor of
its folder (`/proc/self/fd/N/…`).
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitops_agent.errors import AgentError
from gitops_agent.sandbox.data_dir import SOCKET

_LIMIT = 65536


@contextmanager
def _address(directory: Path) -> Iterator[str]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


def listen(directory: Path) -> socket.socket:
    """The supervisor's end, not blocking."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _address(directory) as address:
        server.bind(address)
    server.listen()
    server.setblocking(False)
    return server


def receive(connection: socket.socket) -> dict[str, Any]:
    """One JSON object; an empty one when what came is none."""
    data = b""
    while not data.endswith(b"\n") and len(data) < _LIMIT:
        chunk = connection.recv(_LIMIT)
        if not chunk:
            break
        data += chunk
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """One JSON object."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def ask(directory: Path, request: dict[str, Any], *, timeout_seconds: float = 30.0) -> dict[str, Any]:
    """Sends a request to a sandbox's supervisor and returns its answer.

    Raises:
        AgentError: the supervisor does not listen, or refused.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        try:
            with _address(directory) as address:
                connection.connect(address)
            send(connection, request)
            answer = receive(connection)
        except OSError as error:
            text = f"the sandbox in {directory} does not answer: {error.strerror or error}"
            raise AgentError(text, reason="SandboxDown") from error
    if not answer.get("ok"):
        raise AgentError(str(answer.get("error") or f"the sandbox in {directory} gave no answer"), reason="SandboxRefused")
    return answer
