from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import PRUNE, marked
from gitops_agent.preview.pruning import prune_application
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.agent.samples import application_object

pytestmark = pytest.mark.cluster


@pytest.fixture
def access(control_plane: ControlPlane, namespace: str) -> Iterator[ClusterClient]:
    client = ClusterClient.open(str(control_plane.kubeconfig), None, namespace)
    yield client
    client.transport.close()


def create(access: ClusterClient, name: str, **metadata: object) -> ObjectKey:
    obj: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": access.namespace, **metadata},
    }
    shop = AppKey(access.namespace, "shop")
    return ObjectKey.of(access.objects.apply(marked(obj, application=shop, digest="d", revision="r")))


def prune(access: ClusterClient, *, seconds: float = 30.0) -> None:
    list(prune_application(access, application_object(namespace=access.namespace), deadline=time.monotonic() + seconds))


def test_all_objects_go_whatever_their_number(access: ClusterClient) -> None:
    keys = [create(access, f"item-{number}") for number in range(8)]

    prune(access)

    for key in keys:
        with pytest.raises(NotFound):
            access.objects.get(key)


def test_an_object_that_asks_to_be_kept_stays(access: ClusterClient) -> None:
    kept = create(access, "kept", annotations={PRUNE: "disabled"})

    prune(access)

    assert access.objects.get(kept)


def test_an_object_that_does_not_go_in_time_is_named(access: ClusterClient) -> None:
    held = create(access, "held", finalizers=["example.com/hold"])

    with pytest.raises(AgentError, match=r"ConfigMap:.*/held"):
        prune(access, seconds=0)

    access.objects.merge_patch(held, {"metadata": {"finalizers": None}})
