"""Tokens of ServiceAccounts, for services outside of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Invalid
from gitops_agent.manifest.reading import mapping

_VALID_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTokens:
    """A ServiceAccount and what it proves by its tokens.

    Attributes:
        transport: to the API server.
        namespace: of the ServiceAccount.
        name: its name.
    """

    transport: Transport = field(repr=False, compare=False)
    namespace: str
    name: str

    def annotations(self) -> Mapping[str, str]:
        """Those of the live object.

        Raises:
            AgentError: it cannot be read.
        """
        live: Any = self.transport.request("GET", self._path())
        return {str(name): str(value) for name, value in mapping(mapping(live.get("metadata")).get("annotations")).items()}

    def token(self, audience: str) -> str:
        """A token for one audience, valid for ten minutes.

        Raises:
            AgentError: the API server gives none.
        """
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": _VALID_SECONDS},
        }
        answer: Any = self.transport.request("POST", f"{self._path()}/token", body=body)
        token = mapping(answer.get("status")).get("token")
        if not isinstance(token, str) or not token:
            raise Invalid(f"the API server's answer holds no token of {self}")
        return token

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.name}"

    def __str__(self) -> str:
        """Its kind and name."""
        return f"ServiceAccount {self.namespace}/{self.name}"
