"""A running agent with its dashboard, and accounts for its viewers."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from typing import Any

from gitops_agent.agent.runtime import Runtime
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.server.agent_dashboard import AgentDashboard
from tests.cli.cluster_env import ClusterEnv
from tests.roles import await_rules
from tests.waiting import eventually


@dataclass
class Agent:
    """A running agent with its dashboard."""

    runtime: Runtime
    transport: Transport
    dashboard: AgentDashboard

    def ask(self, method: str, path: str, token: str = "", body: Any = None, **headers: str) -> tuple[int, Any, list[str]]:
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {"Content-Type": "application/json"} if body is not None else {}
        status, received, text = self.raw(method, path, None if body is None else json.dumps(body), sent | headers)
        return status, json.loads(text) if text else None, received.get_all("set-cookie") or []

    def raw(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Message, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.dashboard.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@contextmanager
def running(
    stage: ClusterEnv, *, leads: bool = True, dashboard: Mapping[str, Any] | None = None, **sections: Mapping[str, Any]
) -> Iterator[Agent]:
    settings = Settings.model_validate(
        {
            "cluster": {"namespace": stage.namespace},
            "source": {"cache_dir": str(stage.folder / "cache"), "allow_file": True},
            "leader": {"enabled": False},
            "dashboard": {"enabled": True, "address": "127.0.0.1", "port": 0, **(dashboard or {})},
            **sections,
        }
    )
    transport = Transport.from_kubeconfig(stage.plane.kubeconfig)
    runtime = Runtime(settings, transport)
    served = AgentDashboard(settings, runtime, transport)
    served.start()
    thread = threading.Thread(target=runtime.run)
    if leads:
        thread.start()
        eventually(lambda: runtime.stores is not None, what="the agent leads")
    try:
        yield Agent(runtime, transport, served)
    finally:
        served.stop()
        runtime.stop()
        if leads:
            thread.join(60)
        transport.close()


def grant(access: ClusterClient, namespace: str, group: str, *verbs: str) -> None:
    """Lets a group use verbs on Applications."""
    metadata = {"namespace": namespace, "name": "granted"}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    rule = {"apiGroups": ["gitops-agent.dev"], "resources": ["applications"], "verbs": list(verbs)}
    access.objects.apply({**rbac, "kind": "Role", "rules": [rule]})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "granted"}
    subjects = [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group}]
    access.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": subjects})
    await_rules(access.transport, [rule], namespace=namespace, subject=subjects[0])


def token(
    stage: ClusterEnv,
    access: ClusterClient,
    name: str,
    *verbs: str,
    names: tuple[str, ...] = (),
    resource: str = "applications",
    reads: tuple[str, ...] = (),
) -> str:
    """A token of an account with verbs on a resource."""
    metadata = {"namespace": stage.namespace, "name": name}
    rule: dict[str, Any] = {"apiGroups": ["gitops-agent.dev"], "resources": [resource], "verbs": list(verbs)}
    rules = [rule | ({"resourceNames": list(names)} if names else {})] if verbs else []
    rules += [{"apiGroups": [""], "resources": [each], "verbs": ["get", "list"]} for each in reads]
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": metadata}
    access.objects.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    access.objects.apply({**rbac, "kind": "Role", "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    subjects = [{"kind": "ServiceAccount", **metadata}]
    access.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": role, "subjects": subjects})
    await_rules(access.transport, rules, namespace=stage.namespace, subject=subjects[0])
    return stage.plane.service_account_token(stage.namespace, name)
