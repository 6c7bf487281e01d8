"""Binds a port, and says what to do where it cannot."""

from __future__ import annotations

import errno
import socket

from gitops_agent.errors import AgentError, UsageError


def listen(address: str, port: int, *, setting: str, backlog: int = 128) -> socket.socket:
    """A listening socket that does not block.

    Args:
        address: the address to bind.
        port: the port, 0 for a free one.
        setting: the section of the settings that has `address` and `port`.
        backlog: connections that may wait.

    Raises:
        AgentError: reason `NoFreePort`, when another process listens there.
        UsageError: the address is none of this machine, or may not be used.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        server = socket.create_server((address, port), family=family, backlog=backlog)
    except OSError as error:
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        if error.errno == errno.EADDRINUSE:
            variable = f"GITOPS_AGENT_{setting.upper()}__PORT"
            advice = f"set {setting}.port (with --set, or {variable}), 0 for any free port"
            raise AgentError(f"another process listens on {where}: {advice}", reason="NoFreePort") from None
        raise UsageError(f"cannot listen on {where} ({setting}.address, {setting}.port): {error.strerror or error}") from None
    server.setblocking(False)
    # Connections inherit it: an answer in two parts would wait 40 ms for the acknowledgement of the first.
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server
