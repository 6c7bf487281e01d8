from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.sync.action import ActionKind
from gitops_agent.sync.apply.replica_handoff import HOLDER, leaves_out
from tests.sync.apply.test_plan_walker import made
from tests.sync.cluster_env import ClusterEnv
from tests.sync.samples import creations, key, live, thing

LABELS = {"app": "web"}


def workload(namespace: str, *, replicas: int | None) -> Object:
    spec: Object = {
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace}, "spec": spec}


def autoscaler(namespace: str) -> Object:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2,
            "maxReplicas": 50,
        },
    }


@pytest.mark.cluster
def test_adding_an_autoscaler_does_not_scale_the_workload_down(stage: ClusterEnv) -> None:
    stage.sync(workload(stage.namespace, replicas=40))

    stage.sync(workload(stage.namespace, replicas=None), autoscaler(stage.namespace))

    obj = stage.objects.get(ObjectKey("apps", "Deployment", stage.namespace, "web"))
    assert obj["spec"]["replicas"] == 40
    assert HOLDER in {entry["manager"] for entry in obj["metadata"]["managedFields"]}


@pytest.mark.cluster
def test_without_an_autoscaler_replicas_that_are_no_longer_declared_fall_back_as_kubernetes_says(stage: ClusterEnv) -> None:
    stage.sync(workload(stage.namespace, replicas=3))

    stage.sync(workload(stage.namespace, replicas=None))

    obj = stage.objects.get(ObjectKey("apps", "Deployment", stage.namespace, "web"))
    assert obj["spec"]["replicas"] == 1


def test_nothing_is_handed_over_for_the_same_content_a_new_object_or_another_kind() -> None:
    declared = Manifest.of(workload("shop", replicas=None))
    scaled = frozenset({declared.key})
    (new,) = creations([declared.obj])
    same = replace(new, kind=ActionKind.UPDATE, live=live(declared.obj))
    changed = replace(new, kind=ActionKind.UPDATE, live=live(declared.obj, digest="old"))
    (config,) = creations([thing("ConfigMap", "web")])

    def asked(action: object) -> bool:
        return leaves_out(action, made([action], {}), scaled)  # type: ignore[arg-type, list-item]

    assert not asked(new)
    assert not asked(same)
    assert not asked(replace(config, live=live(config.manifest.obj, digest="old")))  # type: ignore[union-attr]
    assert asked(changed)
    assert not leaves_out(changed, made([changed], {}), frozenset({key("ConfigMap", "web")}))
    assert leaves_out(changed, made([changed], {}), None)
