from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gitops_agent.cluster.objects import Objects
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.planning.other_owners import RECHECK_SECONDS, OtherOwners
from gitops_agent.sync.planning.other_tools import ARGO_APPLICATION
from tests.clock import Clock
from tests.sync.other_owners import flux, owner
from tests.sync.samples import creations, thing

pytestmark = pytest.mark.cluster


@pytest.fixture
def kustomization(objects: Objects, namespace: str) -> Iterator[ObjectKey]:
    with flux(objects, namespace) as key:
        yield key


def test_an_owner_is_asked_again_after_a_while_and_counts_as_active_until_then(
    kustomization: ObjectKey, objects: Objects, namespace: str
) -> None:
    clock = Clock()
    owners = OtherOwners(objects, clock=clock)
    taken = creations([thing("ConfigMap", name, namespace=namespace) for name in ("web", "absent")])

    def managed() -> list[str]:
        with ThreadPoolExecutor(2) as pool:
            return [key.name for key in owners.managed(taken, pool)]

    assert managed() == ["web"]
    objects.merge_patch(kustomization, {"spec": {"suspend": True}})
    assert managed() == ["web"]
    clock.now += RECHECK_SECONDS
    assert managed() == []


def test_an_object_whose_owner_is_gone_may_be_taken_over(kustomization: ObjectKey, objects: Objects, namespace: str) -> None:
    resource = objects.discovery.find(kustomization.group, kustomization.kind)
    objects.transport.request("DELETE", resource.path(namespace, kustomization.name))

    with ThreadPoolExecutor(1) as pool:
        assert OtherOwners(objects).managed(creations([thing("ConfigMap", "web", namespace=namespace)]), pool) == {}


def test_an_application_of_argo_cd_is_looked_up_by_its_name_in_every_namespace(objects: Objects, namespace: str) -> None:
    clock = Clock()
    owners = OtherOwners(objects, clock=clock)
    tracking = {"argocd.argoproj.io/tracking-id": f"{namespace}:/ConfigMap:{namespace}/web"}
    objects.apply(thing("ConfigMap", "web", namespace=namespace, annotations=tracking), field_manager="argocd-controller")
    taken = creations([thing("ConfigMap", "web", namespace=namespace)])
    automated = {"syncPolicy": {"automated": {"selfHeal": True}}}

    with (
        owner(objects, ARGO_APPLICATION.named(namespace, namespace), automated) as application,
        ThreadPoolExecutor(1) as pool,
    ):
        assert list(owners.managed(taken, pool).values()) == [
            f"Application {namespace}/{namespace} of Argo CD manages it: turn its automated sync off first"
        ]
        objects.merge_patch(application, {"spec": {"syncPolicy": None}})
        clock.now += RECHECK_SECONDS
        assert owners.managed(taken, pool) == {}
