from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.install.bundle import MARK_KEY
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import marked
from gitops_agent.preview.pruning import departure
from gitops_agent.preview.seals import authority
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.agent.samples import application_object

pytestmark = pytest.mark.cluster

KEY = b"k" * 32


@pytest.fixture
def access(control_plane: ControlPlane, namespace: str) -> Iterator[ClusterClient]:
    client = ClusterClient.open(str(control_plane.kubeconfig), None, namespace)
    yield client
    client.transport.close()


def applied(access: ClusterClient, name: str, seal: str) -> ObjectKey:
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": access.namespace}}
    shop = AppKey(access.namespace, "shop")
    return ObjectKey.of(access.objects.apply(marked(obj, application=shop, digest="d", revision="r", seal=seal)))


def secret(access: ClusterClient, **data: str) -> None:
    body: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": MARK_KEY, "namespace": access.namespace}}
    access.objects.apply(body | {"data": data})


def test_without_a_key_marks_are_taken_at_their_word(access: ClusterClient) -> None:
    assert authority(access) == (None, "")
    secret(access)
    assert authority(access) == (None, "")


def test_a_deletion_leaves_what_carries_no_valid_seal(access: ClusterClient) -> None:
    application = application_object(namespace=access.namespace)
    uid = str(application["metadata"]["uid"])
    seals = MarkAuthority(KEY)
    shop = AppKey(access.namespace, "shop")
    real = ObjectKey("", "ConfigMap", access.namespace, "real")
    applied(access, "real", seals.seal(real, shop, uid))
    forged = applied(access, "forged", "")
    secret(access, key=base64.b64encode(KEY).decode())

    found, problem = authority(access)
    assert (found is not None, problem) == (True, "")
    plan = departure(access, application, found)

    assert [action.key for action in plan.changes()] == [real]
    assert [action.key for action in plan.actions if not action.writes] == [forged]
    assert {action.key for action in departure(access, application).changes()} == {real, forged}
