from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.agent.stores.autoscalers import AutoscalerStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import AUTOSCALER
from tests.waiting import eventually

SHOP = AppKey("gitops-system", "shop")


def autoscaler(namespace: str, target: str, name: str = "scaler") -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}},
    }


@pytest.fixture
def autoscaling() -> AutoscalerStore:
    return AutoscalerStore(lambda *_: None)


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

    eventually(lambda: deployment(namespace, "web") in (autoscaling.targets() or ()))


@pytest.mark.cluster
def test_one_that_comes_turns_and_goes_is_followed(
    autoscaling: AutoscalerStore, informer: Informer, objects: Objects, namespace: str
) -> None:
    informer.start()
    made = objects.apply(autoscaler(namespace, "web"))
    eventually(lambda: deployment(namespace, "web") in (autoscaling.targets() or ()))

    objects.apply(autoscaler(namespace, "api"))
    eventually(lambda: deployment(namespace, "api") in (autoscaling.targets() or ()))
    assert deployment(namespace, "web") not in (autoscaling.targets() or ())

    objects.delete(ObjectKey.of(made), uid=made["metadata"]["uid"])
    eventually(lambda: deployment(namespace, "api") not in (autoscaling.targets() or ()))


@pytest.mark.cluster
def test_two_autoscalers_of_one_workload_are_one_target(
    autoscaling: AutoscalerStore, informer: Informer, objects: Objects, namespace: str
) -> None:
    first = objects.apply(autoscaler(namespace, "web", "one"))
    objects.apply(autoscaler(namespace, "web", "two"))
    objects.apply(autoscaler(namespace, "api", "three"))
    informer.start()
    eventually(lambda: deployment(namespace, "api") in (autoscaling.targets() or ()))

    objects.delete(ObjectKey.of(first), uid=first["metadata"]["uid"])
    eventually(lambda: f"{namespace}/one" not in autoscaling._targets)

    assert deployment(namespace, "web") in (autoscaling.targets() or ())


def test_before_the_first_list_nothing_is_known_and_who_asked_is_woken_by_it() -> None:
    woken: list[AppKey] = []
    autoscaling = AutoscalerStore(lambda key, *_: woken.append(key))

    assert autoscaling.targets() is None
    assert autoscaling.pending(SHOP)
    autoscaling.replace([autoscaler("shop", "web")], "7")

    assert woken == [SHOP]
    assert autoscaling.targets() == frozenset({deployment("shop", "web")})
    assert not autoscaling.pending(SHOP)


def test_a_cluster_that_cannot_be_asked_is_not_waited_for_and_its_autoscalers_stay_unknown(nowhere: Transport) -> None:
    woken: list[AppKey] = []
    autoscaling = AutoscalerStore(lambda key, *_: woken.append(key))
    informer = Informer(Objects(nowhere, Discovery(nowhere)), AUTOSCALER, autoscaling, on_error=autoscaling.failed)
    assert autoscaling.pending(SHOP)
    informer.start()

    assert autoscaling.targets() is None
    assert (autoscaling.pending(SHOP), woken) == (False, [SHOP])
    informer.stop()


def test_autoscalers_that_are_seen_at_last_wake_whoever_went_on_without_them() -> None:
    woken: list[AppKey] = []
    autoscaling = AutoscalerStore(lambda key, *_: woken.append(key))
    autoscaling.failed(AgentError("no"))
    autoscaling.pending(SHOP)

    autoscaling.replace([], "7")

    assert (woken, autoscaling.targets()) == ([SHOP], frozenset())


def test_what_was_listed_once_counts_while_the_watch_fails() -> None:
    autoscaling = AutoscalerStore(lambda *_: None)
    autoscaling.replace([autoscaler("shop", "web")], "7")

    autoscaling.failed(AgentError("no"))

    assert autoscaling.targets() == frozenset({deployment("shop", "web")})
