"""Objects that Flux manages, on an API server without Flux."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.objects import Objects
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.preview.comparison import PreviewTarget, compare
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map
from tests.sync.other_owners import flux

pytestmark = pytest.mark.cluster


@pytest.fixture
def kustomization(objects: Objects, namespace: str) -> Iterator[ObjectKey]:
    with flux(objects, namespace) as key:
        yield key


def test_an_object_of_flux_is_adopted_once_its_kustomization_is_suspended(
    kustomization: ObjectKey, start: Callable[[], ClusterEnv]
) -> None:
    world = start()
    commit = world.commit({"shop/web.yaml": config_map("web", by="us"), "shop/other.yaml": config_map("other", by="us")})
    world.create("shop")

    world.until(lambda: "flux suspend kustomization apps" in str(world.status("shop")), f"{world.status('shop')}")
    world.until(lambda: world.data("other") == {"by": "us"}, "what Flux does not manage is applied")
    assert world.data("web") == {"by": "flux"}
    access = ClusterClient(world.person, world.objects.discovery, world.objects, world.home)
    preview = compare(access, world.application("shop"), PreviewTarget()).plan
    assert [action.reason for action in preview.actions if action.key == world.key("web")] == ["ManagedByAnother"]

    world.stop()
    world.objects.merge_patch(kustomization, {"spec": {"suspend": True}})
    world = start()
    world.await_synced("shop", commit)
    assert world.data("web") == {"by": "us"}


def test_an_approved_plan_takes_an_object_of_flux_over(kustomization: ObjectKey, start: Callable[[], ClusterEnv]) -> None:
    world = start()
    commit = world.commit({"shop/web.yaml": config_map("web", by="us")})
    world.create("shop")
    world.until(lambda: f"Kustomization {kustomization.namespace}/apps of Flux" in str(world.status("shop")), "it waits")

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])

    world.await_synced("shop", commit)
    assert world.data("web") == {"by": "us"}
