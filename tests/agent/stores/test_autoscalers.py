from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.agent.stores.autoscalers import AutoscalerStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import AUTOSCALER
from tests.waiting import eventually

SECONDS = 30.0


def autoscaler(namespace: str, target: str, name: str = "scaler") -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}},
    }


@pytest.fixture
def autoscaling() -> AutoscalerStore:
    return AutoscalerStore()


@pytest.fixture
def informer(objects: Objects, autoscaling: AutoscalerStore) -> Iterator[Informer]:
    informer = Informer(objects, AUTOSCALER, autoscaling)
    yield informer
    informer.stop()


def deployment(namespace: str, name: str) -> ObjectKey:
    return ObjectKey("apps", "Deployment", namespace, name)


@pytest.mark.cluster
def test_autoscalers_that_are_there_at_the_start_are_known(
    autoscaling: AutoscalerStore, informer: Informer, objects: Objects, namespace: str
) -> None:
    objects.apply(autoscaler(namespace, "web"))
    informer.start()

    eventually(lambda: deployment(namespace, "web") in autoscaling.targets(), seconds=SECONDS)


@pytest.mark.cluster
def test_one_that_comes_turns_and_goes_is_followed(
    autoscaling: AutoscalerStore, informer: Informer, objects: Objects, namespace: str
) -> None:
    informer.start()
    made = objects.apply(autoscaler(namespace, "web"))
    eventually(lambda: deployment(namespace, "web") in autoscaling.targets(), seconds=SECONDS)

    objects.apply(autoscaler(namespace, "api"))
    eventually(lambda: deployment(namespace, "api") in autoscaling.targets(), seconds=SECONDS)
    assert deployment(namespace, "web") not in autoscaling.targets()

    objects.delete(ObjectKey.of(made), uid=made["metadata"]["uid"])
    eventually(lambda: deployment(namespace, "api") not in autoscaling.targets(), seconds=SECONDS)


@pytest.mark.cluster
def test_two_autoscalers_of_one_workload_are_one_target(
    autoscaling: AutoscalerStore, informer: Informer, objects: Objects, namespace: str
) -> None:
    first = objects.apply(autoscaler(namespace, "web", "one"))
    objects.apply(autoscaler(namespace, "web", "two"))
    objects.apply(autoscaler(namespace, "api", "three"))
    informer.start()
    eventually(lambda: deployment(namespace, "api") in autoscaling.targets(), seconds=SECONDS)

    objects.delete(ObjectKey.of(first), uid=first["metadata"]["uid"])
    eventually(lambda: f"{namespace}/one" not in autoscaling._targets, seconds=SECONDS)

    assert deployment(namespace, "web") in autoscaling.targets()


def test_a_cluster_that_cannot_be_asked_has_no_autoscalers(nowhere: Transport) -> None:
    autoscaling = AutoscalerStore()
    informer = Informer(Objects(nowhere, Discovery(nowhere)), AUTOSCALER, autoscaling)
    informer.start()

    assert autoscaling.targets() == frozenset()
    informer.stop()
