from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest import kinds
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import marked
from gitops_agent.preview.removal import Removal, removal
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.cluster_env import install_crds

pytestmark = pytest.mark.cluster


@pytest.fixture
def access(control_plane: ControlPlane, namespace: str) -> Iterator[ClusterClient]:
    install_crds(control_plane)
    client = ClusterClient.open(str(control_plane.kubeconfig), None, namespace)
    yield client
    client.transport.close()


def plan(access: ClusterClient, namespace: str = "", *, prune: bool = False) -> Removal:
    client = ClusterClient(access.transport, access.discovery, access.objects, namespace or access.namespace)
    return removal(client, prune=prune)


def application(access: ClusterClient, name: str = "shop") -> AppKey:
    source = {"repoURL": "https://git.example.com/config.git", "ref": {"branch": "main"}, "path": name}
    spec = {"source": source, "destination": {"namespace": access.namespace}}
    metadata = {"name": name, "namespace": access.namespace}
    api_version = "gitops-agent.dev/v1alpha1"
    access.objects.apply({"apiVersion": api_version, "kind": "Application", "metadata": metadata, "spec": spec})
    return AppKey(access.namespace, name)


def create(access: ClusterClient, kind: str, name: str, owner: AppKey | None = None) -> ObjectKey:
    obj: Object = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": access.namespace}}
    body = obj if owner is None else marked(obj, application=owner, digest="d", revision="r")
    return ObjectKey.of(access.objects.apply(body))


def test_applications_of_another_namespace_keep_the_crds(access: ClusterClient) -> None:
    key = application(access)

    elsewhere = plan(access, "default")
    assert key in elsewhere.elsewhere
    assert kinds.CRD not in {part.group_kind for part in elsewhere.installed}


def test_secrets_are_removed_with_the_namespace(access: ClusterClient) -> None:
    secret = create(access, "Secret", "token")

    assert secret in plan(access).contents
    assert kinds.NAMESPACE.named("", access.namespace) in plan(access).installed


def test_an_object_of_another_origin_keeps_the_namespace_and_its_secrets(access: ClusterClient) -> None:
    create(access, "Secret", "token")
    notes = create(access, "ConfigMap", "notes")

    removal_plan = plan(access)

    assert removal_plan.strangers == (notes,)
    assert removal_plan.contents == ()
    assert kinds.NAMESPACE.named("", access.namespace) not in removal_plan.installed


def test_a_workload_in_the_namespace_keeps_it_unless_it_is_pruned(access: ClusterClient) -> None:
    key = application(access)
    web = create(access, "ConfigMap", "web", key)

    assert plan(access).strangers == (web,)
    assert plan(access, prune=True).strangers == ()
    assert [ObjectKey.of(obj) for obj in plan(access).owned[key]] == [web]
