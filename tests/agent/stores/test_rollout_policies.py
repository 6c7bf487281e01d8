from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.agent.stores.rollout_policies import RolloutPolicyStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import install_crds
from tests.waiting import eventually

pytestmark = pytest.mark.cluster
SHOP = AppKey("gitops-system", "shop")


@pytest.fixture
def wakes() -> list[tuple[AppKey, str]]:
    return []


@pytest.fixture
def watched(control_plane: ControlPlane, wakes: list[tuple[AppKey, str]]) -> Iterator[tuple[RolloutPolicyStore, Informer]]:
    install_crds(control_plane)
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    objects = Objects(transport, Discovery(transport), field_manager="gitops-agent")
    store = RolloutPolicyStore(objects, lambda application, reason, _priority: wakes.append((application, reason)))
    informer = Informer(objects, ROLLOUT_POLICY, store)
    yield store, informer
    informer.stop()


def test_policies_of_a_restored_etcd_replace_newer_ones_in_whatever_version_the_list_is(control_plane: ControlPlane) -> None:
    def policy(version: str) -> Object:
        metadata = {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": version}
        return {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": ROLLOUT_POLICY.kind, "metadata": metadata}

    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    for list_version in ("300", "500"):
        store = RolloutPolicyStore(Objects(transport, Discovery(transport)), lambda *_: None)
        store.put(policy("395"))
        store.replace([policy("200")], list_version)
        known = store.get(ROLLOUT_POLICY.named("shop", "web"))
        assert known is not None
        assert known["metadata"]["resourceVersion"] == "200"
    transport.close()


def test_before_the_first_list_nothing_is_known_and_it_wakes_the_application_that_asked(
    watched: tuple[RolloutPolicyStore, Informer], wakes: list[tuple[AppKey, str]]
) -> None:
    policies, informer = watched
    assert not policies.listed(SHOP)

    informer.start()

    eventually(lambda: (SHOP, "the rollout policies are known") in wakes, what="the application that asked is woken")
    assert policies.listed(SHOP)
