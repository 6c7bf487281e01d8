"""Sends the sandbox's own API requests.

The agent's own transport loads the Kubernetes client, which costs the supervisor most of a second and 60 MiB; the sandbox has
to be quick and small, and it calls only the server it has just started. Refusals are read as the agent reads them.

A TLS handshake costs both sides more than most requests, so connections are kept. One that the server has closed meanwhile is
noticed before it is used: no request is ever sent twice.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import weakref
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from gitops_agent.cluster import api_errors
from gitops_agent.errors import Unavailable
from gitops_agent.manifest.key import Object

_OK = 300
_KEPT = 8
"""Idle connections; threads beyond them connect anew."""


class ApiClient:
    """Speaks to one API server.

    Args:
        server: its URL.
        authority: the PEM of the certificate to trust.
        token: a bearer token.
    """

    def __init__(self, server: str, *, authority: bytes, token: str) -> None:
        parts = urlsplit(server)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 443
        self._tls = ssl.create_default_context(cadata=authority.decode())
        self._token = token
        self._idle: deque[http.client.HTTPSConnection] = deque()
        weakref.finalize(self, _close, self._idle)

    def close(self) -> None:
        """Closes what is idle; the next request connects anew."""
        _close(self._idle)

    def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        content_type: str = "application/json",
        timeout_seconds: float = 10.0,
    ) -> Any:
        """The parsed answer, or its text when it is no JSON.

        Raises:
            ClusterError: of the kind that fits the status; `Unavailable` when there was no answer.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", "Content-Type": content_type}
        connection = self._connection(timeout_seconds)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unavailable(f"no answer from the API server to {method} {path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        self._keep(connection)
        if response.status < _OK:
            return _parse(data)
        request = api_errors.Request(method=method, path=path, secret="/secrets" in path, body=body)
        headers = {name.lower(): value for name, value in response.getheaders()}
        refusal = api_errors.of(response.status, headers, data, request)
        refusal.message = f"{method} {path}: {refusal.message}"
        raise refusal

    def _connection(self, timeout_seconds: float) -> http.client.HTTPSConnection:
        """An idle connection that is still open, or a new one."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_seconds, context=self._tls)
            if connection.sock is not None and not _readable(connection.sock):
                connection.sock.settimeout(timeout_seconds)
                return connection
            connection.close()

    def _keep(self, connection: http.client.HTTPSConnection) -> None:
        if connection.sock is None or len(self._idle) >= _KEPT:
            connection.close()
        else:
            self._idle.append(connection)


def _readable(sock: socket.socket) -> bool:
    """Whether something came without a request: the end of the connection."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _close(idle: deque[http.client.HTTPSConnection]) -> None:
    while idle:
        idle.pop().close()


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
