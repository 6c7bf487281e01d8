"""Secrets the agent itself uses: credentials of repositories, notifiers and metric providers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Protocol

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Invalid
from gitops_agent.manifest.key import ObjectKey

_SECRETS = Resource(group="", version="v1", kind="Secret", plural="secrets", namespaced=True)


class SecretReader(Protocol):
    """Reads Secrets by namespace and name."""

    def data(self, namespace: str, name: str) -> Mapping[str, bytes]:
        """The decoded data.

        Raises:
            AgentError: there is no such Secret, or it cannot be read.
        """


class Secrets:
    """Reads the data of Secrets, one request each, nothing kept."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get_secret(self, namespace: str, name: str, *, as_user: str | None = None) -> dict[str, bytes]:
        """The decoded data.

        Raises:
            NotFound: there is no such Secret.
            Forbidden: it may not be read.
            ClusterError: the server gave no answer.
        """
        secret = self._transport.request("GET", _SECRETS.path(namespace, name), as_user=as_user)
        try:
            return {key: base64.b64decode(value, validate=True) for key, value in (secret.get("data") or {}).items()}
        except (binascii.Error, ValueError, TypeError, AttributeError):
            raise Invalid(f"{ObjectKey('', 'Secret', namespace, name)} is damaged: its data is not base64") from None
