"""Free ports on loopback.

A port the kernel hands out for `bind(0)` can be taken again, as the local end of some connection, before the program meant to
listen on it does so, or while it is being restarted. So ports come at random from below the usual ephemeral range.
"""

from __future__ import annotations

import random
import socket

from gitops_agent.errors import AgentError

_FIRST, _LAST = 20000, 29999
_TRIES = 200


def free_ports(count: int) -> tuple[int, ...]:
    """Free ports, all different.

    Raises:
        AgentError: no free port was found.
    """
    picked: list[int] = []
    chance = random.SystemRandom()
    for _ in range(_TRIES):
        if len(picked) == count:
            break
        port = chance.randint(_FIRST, _LAST)
        if port not in picked and _is_free(port):
            picked.append(port)
    if len(picked) < count:
        raise AgentError(f"no {count} free ports between {_FIRST} and {_LAST} on 127.0.0.1", reason="NoFreePort")
    return tuple(picked)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
