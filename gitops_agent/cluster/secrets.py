"""Secrets the agent itself uses: credentials of repositories, notifiers and metric providers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Invalid
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import ALLOWED_HOSTS, annotation

_SECRETS = Resource(group="", version="v1", kind="Secret", plural="secrets", namespaced=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretContent:
    """What a Secret holds, and where it may be sent.

    Attributes:
        data: decoded.
        hosts: those its annotation allows; to be asked before any of the data is sent.
    """

    data: Mapping[str, bytes] = field(repr=False)
    hosts: AllowedHosts = ANYWHERE

    def sent_to(self, host: str) -> Mapping[str, bytes]:
        """The data, for a host that may receive it.

        Raises:
            HostRefused: the annotation does not name the host.
        """
        self.hosts.check(host)
        return self.data


NO_SECRET = SecretContent(data={})
"""Where none is named."""


def allowed_hosts(secret: Object) -> AllowedHosts:
    """The hosts a Secret's annotation allows; every host without one."""
    hosts = annotation(secret, ALLOWED_HOSTS)
    if hosts is None:
        return ANYWHERE
    metadata = secret.get("metadata") or {}
    return AllowedHosts(
        patterns=tuple(pattern for part in hosts.split(",") if (pattern := part.strip().lower())),
        subject=f"Secret {metadata.get('namespace')}/{metadata.get('name')}",
        rule=f"its annotation {ALLOWED_HOSTS}",
        reason="SecretHostRefused",
    )


class SecretReader(Protocol):
    """Reads Secrets by namespace and name."""

    def read(self, namespace: str, name: str) -> SecretContent:
        """The content of a Secret.

        Raises:
            AgentError: there is no such Secret, or it cannot be read.
        """


class Secrets:
    """Reads the data of Secrets, one request each, nothing kept."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(self, namespace: str, name: str) -> SecretContent:
        """The content of a Secret.

        Raises:
            NotFound: there is no such Secret.
            Forbidden: it may not be read.
            ClusterError: the server gave no answer.
        """
        secret = self._transport.request("GET", _SECRETS.path(namespace, name))
        try:
            data = {key: base64.b64decode(value, validate=True) for key, value in (secret.get("data") or {}).items()}
        except (binascii.Error, ValueError, TypeError, AttributeError):
            raise Invalid(f"{ObjectKey('', 'Secret', namespace, name)} is damaged: its data is not base64") from None
        return SecretContent(data=data, hosts=allowed_hosts(secret))
