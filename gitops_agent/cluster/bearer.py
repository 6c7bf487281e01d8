"""Requests with the token of another user than the agent.

The address, the certificates of the server and the proxy are those of the agent; of its own credentials nothing is left.
"""

from __future__ import annotations

from typing import Any

from gitops_agent.cluster.transport import Transport

_POOL = 4


def as_bearer(transport: Transport, token: str) -> Transport:
    """A transport to the same API server that sends this token only."""

    def load() -> Any:
        configuration: Any = transport.load()
        configuration.refresh_api_key_hook = None
        configuration.cert_file = configuration.key_file = None
        configuration.username = configuration.password = None
        configuration.api_key = {"BearerToken": f"Bearer {token}"}
        configuration.api_key_prefix = {}
        return configuration

    return Transport(load, pool=_POOL)
