"""Sends the sandbox's own API requests, one connection each.

The agent's own transport loads the Kubernetes client, which costs the supervisor most of a second and 60 MiB; the sandbox has
to be quick and small, and it calls only the server it has just started. Refusals are read as the agent reads them.
"""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from gitops_agent.cluster import api_errors
from gitops_agent.errors import Unavailable
from gitops_agent.manifest.key import Object

_OK = 300


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
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=timeout_seconds, context=self._tls)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers)
            response = connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"no answer from the API server to {method} {path}: {error}") from error
        finally:
            connection.close()
        if response.status < _OK:
            return _parse(data)
        request = api_errors.Request(method=method, path=path, secret="/secrets" in path, body=body)
        headers = {name.lower(): value for name, value in response.getheaders()}
        refusal = api_errors.of(response.status, headers, data, request)
        refusal.message = f"{method} {path}: {refusal.message}"
        raise refusal


def _parse(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")
