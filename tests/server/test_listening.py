from __future__ import annotations

import socket

import pytest

from gitops_agent.errors import AgentError, UsageError
from gitops_agent.server.listening import listen


def test_answers_in_parts_wait_for_no_acknowledgement() -> None:
    with listen("127.0.0.1", 0, setting="server") as server, socket.create_connection(server.getsockname()):
        server.setblocking(True)
        connection, _ = server.accept()

    with connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_a_port_that_is_taken_names_the_setting() -> None:
    with listen("127.0.0.1", 0, setting="webhooks") as first:
        port = first.getsockname()[1]

        with pytest.raises(AgentError, match=r"set webhooks.port \(with --set, or GITOPS_AGENT_WEBHOOKS__PORT\)") as caught:
            listen("127.0.0.1", port, setting="webhooks")

    assert caught.value.reason == "NoFreePort"


def test_an_address_of_another_machine_names_the_setting() -> None:
    with pytest.raises(UsageError, match=r"server\.address"):
        listen("192.0.2.1", 0, setting="server")
