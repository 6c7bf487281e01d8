from __future__ import annotations

import socket

from gitops_agent.sandbox.ports import free_ports


def test_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_ports_lie_below_those_the_kernel_gives_to_connections() -> None:
    assert all(20000 <= port < 30000 for port in free_ports(20))
