"""The steps from started processes to a cluster one can use.

"Ready" is what a user would find out first: the API server answers and has its default roles, every node is Ready and
untainted (so KWOK and the node controller work), and the default namespace has its ServiceAccount (so the controllers work).
"""

from __future__ import annotations

import contextlib
import http.client
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitops_agent.errors import AgentError, Conflict
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.apiclient import ApiClient
from gitops_agent.sandbox.components import PROXY_HEALTH, USERS, Layout
from gitops_agent.sandbox.data_dir import FOLDERS, KUBECONFIG
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.sandbox.signing_key import new_signing_key


class BootError(AgentError):
    """The control plane did not come up."""

    reason = "SandboxFailed"


def prepare(layout: Layout) -> dict[str, str]:
    """Creates folders, signing key and a token for each of `USERS`."""
    directory = layout.directory
    for name in FOLDERS:
        (directory / name).mkdir(mode=0o700)
    tokens = {user: secrets.token_urlsafe(32) for user in USERS}
    lines = [f'{token},{user},{user},"system:masters"\n' for user, token in tokens.items()]
    _write_private(layout.tokens, "".join(lines))
    _write_private(layout.signing_key, new_signing_key())
    return tokens


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


_HEALTH_SECONDS = 2.0


@dataclass(slots=True, kw_only=True)
class Bootstrap:
    """Repeatable readiness checks; errors of the API server mean "not yet".

    Attributes:
        layout: where things lie and listen.
        tokens: of `USERS`.
        nodes: how many fake nodes.
    """

    layout: Layout
    tokens: Mapping[str, str]
    nodes: int
    _client: ApiClient | None = None
    _made: int = field(default=0)

    def api_answers(self) -> bool:
        """The API server has signed its certificate and talks; writes all kubeconfigs."""
        if self._client is None:
            authority = self.layout.authority.read_bytes()
            if b"-----END CERTIFICATE-----" not in authority:
                return False
            try:
                self._client = ApiClient(self.layout.url, authority=authority, token=self.tokens["sandbox-admin"])
            except ValueError:
                return False
        self._client.request("GET", "/version")
        for user, component in USERS.items():
            path = self.layout.directory / KUBECONFIG if component == "admin" else self.layout.kubeconfig(component)
            write_kubeconfig(
                path,
                server=self.layout.url,
                authority=self.layout.authority.read_bytes(),
                user=user,
                token=self.tokens[user],
            )
        return True

    def nodes_made(self) -> bool:
        """All nodes are created."""
        client = self._connected()
        while self._made < self.nodes:
            with contextlib.suppress(Conflict):
                client.request("POST", "/api/v1/nodes", node(self._made))
            self._made += 1
        return True

    def api_ready(self) -> bool:
        """The API server says so itself."""
        return bool(self._connected().request("GET", "/readyz") == "ok")

    def nodes_ready(self) -> bool:
        """All nodes are Ready and take pods."""
        items = self._connected().request("GET", "/api/v1/nodes")["items"]
        return len(items) >= self.nodes and all(_is_ready(item) for item in items)

    def controllers_work(self) -> bool:
        """The default namespace has its ServiceAccount."""
        self._connected().request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        return True

    def services_work(self) -> bool:
        """kube-proxy says that its rules are written."""
        connection = http.client.HTTPConnection(PROXY_HEALTH, timeout=_HEALTH_SECONDS)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()

    def _connected(self) -> ApiClient:
        if self._client is None:
            raise BootError("the API server has not answered yet")
        return self._client


def node(index: int) -> Object:
    """A fake node with room for everything."""
    name = f"node-{index}"
    resources = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": f"zone-{index % 3}",
            },
        },
        "status": {"capacity": resources, "allocatable": resources},
    }


def _is_ready(item: Object) -> bool:
    conditions = item["status"].get("conditions") or []
    ready = any(part["type"] == "Ready" and part["status"] == "True" for part in conditions)
    return ready and not item["spec"].get("taints")
