from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.manifest.marks import marked
from gitops_agent.sync.planning.dependants import balancer_note, counted, pods_note, volume_note
from tests.sync.samples import APP, OTHER, key, thing

NOTHING_ELSE = frozenset[ObjectKey]()


def owned(name: str, application: AppKey, *, seal: str = "") -> Object:
    return marked(thing("ConfigMap", name), application=application, digest="d", revision="r", seal=seal)


def child(name: str, **reference: Any) -> Object:
    obj = thing("Pod", name)
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [reference]}}


def lease() -> Object:
    return {**thing("ConfigMap", "leader"), "apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}


def total(*objects: Object, going: frozenset[ObjectKey] = NOTHING_ELSE) -> int:
    return counted(objects, APP, going, None).total


def test_objects_of_other_applications_are_named_first_and_our_own_last() -> None:
    dependants = counted([owned("ours", APP), thing("ConfigMap", "unowned"), owned("theirs", OTHER)], APP, NOTHING_ELSE, None)

    assert (dependants.total, dependants.declared_elsewhere) == (3, 1)
    assert dependants.samples == (f"ConfigMap:shop/theirs (of {OTHER})", "ConfigMap:shop/unowned", "ConfigMap:shop/ours")


@pytest.mark.parametrize(
    "obj",
    [
        thing("ServiceAccount", "default"),
        thing("ConfigMap", "kube-root-ca.crt"),
        child("web-1", uid="u", controller=True),
        lease(),
    ],
    ids=lambda obj: obj["kind"],
)
def test_what_comes_by_itself_is_no_dependant(obj: Object) -> None:
    assert total(obj) == 0


@pytest.mark.parametrize(
    "obj",
    [
        thing("ServiceAccount", "builder"),
        thing("ConfigMap", "default"),
        child("owned", uid="u"),
        child("owned", uid="u", controller=False),
        {**thing("Pod", "torn"), "metadata": {"name": "torn", "namespace": "shop", "ownerReferences": ["torn"]}},
    ],
)
def test_all_else_is_a_dependant(obj: Object) -> None:
    assert total(obj) == 1


def test_what_the_plan_removes_itself_is_no_dependant() -> None:
    assert total(thing("ConfigMap", "a"), thing("ConfigMap", "b"), going=frozenset({key("ConfigMap", "a")})) == 1


def test_only_marks_with_a_valid_seal_name_an_owner_once_the_key_is_known() -> None:
    authority = MarkAuthority(b"k" * 32)
    seal = authority.seal(key("ConfigMap", "sealed"), OTHER, "uid")
    objects = [owned("sealed", OTHER, seal=seal), owned("forged", OTHER, seal=seal)]

    dependants = counted(objects, APP, NOTHING_ELSE, authority)

    assert (dependants.total, dependants.declared_elsewhere) == (2, 1)
    assert dependants.samples == (f"ConfigMap:shop/sealed (of {OTHER})", "ConfigMap:shop/forged")


def test_few_of_many_dependants_are_named() -> None:
    dependants = counted([thing("ConfigMap", f"m{number}") for number in range(30)], APP, NOTHING_ELSE, None)

    assert (dependants.total, len(dependants.samples)) == (30, 10)


@pytest.mark.parametrize(
    ("service", "notes"),
    [
        ({"spec": {"type": "ClusterIP"}}, []),
        ({}, []),
        ({"spec": {"type": "LoadBalancer"}}, ["the load balancer of Service:shop/web (no address yet)"]),
        (
            {
                "spec": {"type": "LoadBalancer"},
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "lb"}]}},
            },
            ["the load balancer of Service:shop/web (1.2.3.4, lb)"],
        ),
    ],
)
def test_a_load_balancer_goes_with_its_service(service: Object, notes: list[str]) -> None:
    assert list(balancer_note(thing("Service", "web", **service))) == notes


@pytest.mark.parametrize(
    ("status", "notes"),
    [
        ({}, []),
        (None, []),
        ({"replicas": 1}, ["1 pod of StatefulSet:shop/web"]),
        ({"replicas": 2}, ["2 pods of StatefulSet:shop/web"]),
        ({"currentNumberScheduled": 3}, ["3 pods of StatefulSet:shop/web"]),
    ],
)
def test_pods_go_with_their_workload(status: Object, notes: list[str]) -> None:
    web = thing("StatefulSet", "web", status=status)

    assert [note.replace("apps/", "") for note in pods_note(web)] == notes


@pytest.mark.parametrize(
    ("spec", "note"),
    [
        (
            {"persistentVolumeReclaimPolicy": "Delete", "capacity": {"storage": "1Gi"}},
            "the data of PersistentVolumeClaim:shop/data (1Gi, volume pv, reclaim policy Delete)",
        ),
        (
            {"persistentVolumeReclaimPolicy": "Delete"},
            "the data of PersistentVolumeClaim:shop/data (unknown size, volume pv, reclaim policy Delete)",
        ),
        (
            {"persistentVolumeReclaimPolicy": "Retain"},
            "volume pv of PersistentVolumeClaim:shop/data stays (reclaim policy Retain)",
        ),
    ],
)
def test_the_data_of_a_claim_goes_or_stays_as_its_volume_says(spec: Object, note: str) -> None:
    assert volume_note(thing("PersistentVolumeClaim", "data"), thing("PersistentVolume", "pv", spec=spec)) == note
