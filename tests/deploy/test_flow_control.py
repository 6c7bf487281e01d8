"""The component that gives the agent its share of the API server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.deploy.conftest import ROOT
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def shipped() -> list[Object]:
    path = ROOT / "deploy/components/flow-control/flow-schemas.yaml"
    documents: list[Object] = load_all(path.read_bytes(), file=path.name)
    return documents


def moved(namespace: str) -> list[Object]:
    """The component for an agent of a namespace, beside one for gitops-system."""
    objects = shipped()
    for obj in objects:
        obj["metadata"] = {"name": f"{obj['metadata']['name']}-{namespace}"}
        level = obj["spec"].get("priorityLevelConfiguration")
        if level is not None and level["name"] == "gitops-agent":
            level["name"] = f"gitops-agent-{namespace}"
        for rule in obj["spec"].get("rules") or ():
            rule["subjects"][0]["serviceAccount"]["namespace"] = namespace
            for resources in rule["resourceRules"]:
                resources["namespaces"] = [namespace if name == "gitops-system" else name for name in resources["namespaces"]]
    return objects


@pytest.fixture
def objects(control_plane: ControlPlane) -> Iterator[Objects]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Objects(transport, Discovery(transport))
    transport.close()


@pytest.fixture
def served(objects: Objects, namespace: str) -> Iterator[dict[str, str]]:
    """The names of the schemas in force for a namespace, by UID."""
    mine = [objects.apply(obj) for obj in moved(namespace)]
    yield {str(obj["metadata"]["uid"]): str(obj["metadata"]["name"]).removesuffix(f"-{namespace}") for obj in mine}
    for obj in mine:
        objects.delete(ObjectKey.of(obj), uid=str(obj["metadata"]["uid"]))


def test_the_api_server_accepts_the_component(objects: Objects) -> None:
    for obj in shipped():
        assert objects.apply(obj, dry_run=True)["spec"] == obj["spec"]


def test_requests_of_the_agent_and_its_lease_get_their_own_share(
    objects: Objects, served: dict[str, str], namespace: str
) -> None:
    agent, other = (f"system:serviceaccount:{namespace}:{name}" for name in ("gitops-agent", "tenant"))
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    rights: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"namespace": namespace, "name": "both"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name} for name in ("gitops-agent", "tenant")],
    }
    objects.apply(rights)
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"namespace": namespace, "name": "lease"}}
    objects.apply({**role, "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["list"]}]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lease"}
    objects.apply({**rights, "metadata": {"namespace": namespace, "name": "lease"}, "roleRef": reference})

    def schema(path: str, user: str) -> str:
        answer = objects.transport.exchange("GET", path, as_user=user)
        uid = {name.lower(): value for name, value in answer.headers.items()}["x-kubernetes-pf-flowschema-uid"]
        return served.get(uid, "another")

    eventually(lambda: schema(lease, agent) == "gitops-agent-lease", what="the schemas are in force")
    assert schema(f"/api/v1/namespaces/{namespace}/configmaps", agent) == "gitops-agent"
    assert schema("/version", agent) == "gitops-agent"
    assert {schema(lease, other), schema("/version", other)} == {"another"}
