from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

import pytest

from gitops_agent.api.crd import crds
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import marked
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.live.live_object import observe
from gitops_agent.sync.planning.blast_radius import DependantCounter
from gitops_agent.sync.planning.deletion_guard import Dependants
from tests.sync.apply.test_executor import config, deployment
from tests.sync.apply.test_plan_walker import made
from tests.sync.cluster_env import ClusterEnv
from tests.sync.samples import OTHER, creations, deletions, thing
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def counted(stage: ClusterEnv, actions: Sequence[Action]) -> dict[ObjectKey, Dependants]:
    plan = replace(made(actions, {}), application=stage.application)
    return dict(DependantCounter(stage.objects, stage.discovery, stage.live).gather(plan))


def owned(stage: ClusterEnv, obj: Object, application: AppKey) -> Object:
    body = {**obj, "metadata": {**obj["metadata"], "namespace": stage.namespace}}
    return stage.objects.apply(marked(body, application=application, digest="d", revision="r"))


def namespace_of(stage: ClusterEnv) -> ObjectKey:
    return ObjectKey("", "Namespace", "", stage.namespace)


def test_an_empty_namespace_takes_nothing_along(stage: ClusterEnv) -> None:
    eventually(lambda: stage.objects.get(stage.key("ConfigMap", "kube-root-ca.crt")), what="what every namespace is given")
    assert counted(stage, deletions(namespace_of(stage))) == {namespace_of(stage): Dependants()}


def test_everything_in_a_namespace_goes_with_it_and_others_objects_are_named_first(stage: ClusterEnv) -> None:
    owned(stage, config("ours"), stage.application)
    owned(stage, config("theirs"), OTHER)
    stage.objects.create({**config("unowned"), "metadata": {"name": "unowned", "namespace": stage.namespace}})
    (dependants,) = counted(stage, deletions(namespace_of(stage))).values()
    assert (dependants.total, dependants.declared_elsewhere, dependants.cannot_see) == (3, 1, ())
    assert dependants.samples == (
        f"ConfigMap:{stage.namespace}/theirs (of {OTHER})",
        f"ConfigMap:{stage.namespace}/unowned",
        f"ConfigMap:{stage.namespace}/ours",
    )


def test_what_the_plan_deletes_itself_is_not_counted_twice(stage: ClusterEnv) -> None:
    owned(stage, config("ours"), stage.application)
    actions = deletions(namespace_of(stage), stage.key("ConfigMap", "ours"))
    assert counted(stage, actions)[namespace_of(stage)].total == 0


def test_what_the_plan_has_deleted_and_is_terminating_is_no_stranger(stage: ClusterEnv) -> None:
    owned(stage, config("ours"), stage.application)
    leaving = [
        replace(deletion, kind=ActionKind.WAIT, reason="Terminating") for deletion in deletions(stage.key("ConfigMap", "ours"))
    ]

    assert counted(stage, [*leaving, *deletions(namespace_of(stage))])[namespace_of(stage)].total == 0


def test_the_children_of_controllers_are_counted_as_pods_and_not_as_objects(stage: ClusterEnv) -> None:
    owned(stage, deployment(replicas=2), stage.application)
    key = stage.key("Deployment", "web", "apps")
    eventually(lambda: (stage.objects.get(key).get("status") or {}).get("replicas") == 2, what="two pods")
    dependants = counted(stage, deletions(namespace_of(stage), key))
    assert dependants[namespace_of(stage)].total == 0
    assert dependants[namespace_of(stage)].notes == ("2 pods",)
    assert dependants[key].notes == (f"2 pods of {key}",)


def test_the_custom_resources_of_a_definition_go_with_it(stage: ClusterEnv) -> None:
    group = f"{stage.namespace}.test"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "gears", "kind": "Gear", "singular": "gear"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    body = thing("CustomResourceDefinition", f"gears.{group}", spec=spec)
    crd = stage.objects.apply(marked(body, application=stage.application, digest="d", revision="r"))
    gear = {"apiVersion": f"{group}/v1", "kind": "Gear", "metadata": {"name": "one"}}

    def created() -> bool:
        stage.discovery.invalidate(group)
        try:
            owned(stage, gear, OTHER)
        except Exception:  # noqa: BLE001 - the kind is served a moment after its definition
            return False
        return True

    eventually(created, what="the kind to be served")
    (dependants,) = counted(stage, deletions(ObjectKey.of(crd))).values()
    assert (dependants.total, dependants.declared_elsewhere) == (1, 1)
    stage.objects.delete(ObjectKey.of(crd), uid=crd["metadata"]["uid"], propagation="Background")


def test_a_definition_that_is_gone_takes_nothing_along(stage: ClusterEnv) -> None:
    crd = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", f"no.{uuid.uuid4().hex}.test")
    assert counted(stage, deletions(crd)) == {crd: Dependants()}


def test_what_cannot_be_listed_is_never_nothing(stage: ClusterEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = stage.objects.list

    def refuse(resource: Resource, **options: object) -> object:
        if resource.kind == "Secret":
            raise Forbidden("secrets is forbidden", status=403)
        return listing(resource, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.objects, "list", refuse)
    (dependants,) = counted(stage, deletions(namespace_of(stage))).values()
    assert dependants.cannot_see == ("Secret (secrets is forbidden)",)


def test_volumes_and_load_balancers_are_reported(stage: ClusterEnv) -> None:
    name = f"pv-{stage.namespace}"
    claim_ref = {"namespace": stage.namespace, "name": "data"}
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "hostPath": {"path": "/nowhere"},
        "storageClassName": "none",
        "claimRef": claim_ref,
    }
    created = stage.objects.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume})
    resources = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "volumeName": name, "resources": resources}
    owned(stage, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}, OTHER)
    balancer = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"a": "b"}}
    owned(stage, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lb"}, "spec": balancer}, OTHER)
    claim, service = stage.key("PersistentVolumeClaim", "data"), stage.key("Service", "lb")
    dependants = counted(stage, deletions(claim, service))
    assert dependants[claim].notes == (f"the data of {claim} (1Gi, volume {name}, reclaim policy Delete)",)
    assert dependants[service].notes == (f"the load balancer of {service} (no address yet)",)
    stage.objects.delete(ObjectKey.of(created), uid=created["metadata"]["uid"], propagation="Background")


@pytest.fixture
def applications(stage: ClusterEnv) -> None:
    """The Application kind, served."""
    (crd,) = [definition for definition in crds() if definition["spec"]["names"]["kind"] == "Application"]
    stage.objects.apply(crd, field_manager="tests")

    def served() -> bool:
        stage.discovery.invalidate("gitops-agent.dev")
        return stage.discovery.find("gitops-agent.dev", "Application").namespaced

    eventually(served, what="Applications to be served")


def application(stage: ClusterEnv, name: str, **spec: object) -> ObjectKey:
    source = {"repoURL": "https://git.test/r.git", "ref": {"branch": "main"}, "path": "."}
    obj = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"source": source, **spec},
    }
    obj["metadata"] = {"name": name, "namespace": stage.namespace}
    stage.objects.create(obj)
    return ObjectKey.of(obj)


def test_an_application_deletes_what_carries_its_marks(stage: ClusterEnv, applications: None) -> None:
    key = application(stage, "child")
    for name in ("a", "b"):
        stage.live.put(observe(owned(stage, config(name), AppKey(stage.namespace, "child"))))
    (dependants,) = counted(stage, deletions(key)).values()
    assert (dependants.total, dependants.cannot_see) == (2, ())
    assert dependants.samples == tuple(str(stage.key("ConfigMap", name)) for name in "ab")


def test_under_an_application_that_cannot_be_seen_in_full_more_may_hang(stage: ClusterEnv, applications: None) -> None:
    key = application(stage, "child")
    stage.live.complete = False
    stage.live.cannot_see[GroupKind("x", "Y")] = "down"
    (dependants,) = counted(stage, deletions(key)).values()
    assert dependants.cannot_see == ("x/Y (down)", "kinds that were not listed since the start")


def test_an_application_that_leaves_its_objects_takes_nothing_along(stage: ClusterEnv, applications: None) -> None:
    key = application(stage, "child", deletionPolicy="orphan")
    stage.live.put(observe(owned(stage, config("a"), AppKey(stage.namespace, "child"))))
    (dependants,) = counted(stage, deletions(key)).values()
    assert (dependants.total, dependants.notes) == (
        0,
        (f"the objects of {stage.namespace}/child stay (deletionPolicy: orphan)",),
    )


def test_replacements_and_held_deletions_are_counted_and_updates_are_not(stage: ClusterEnv) -> None:
    owned(stage, config("ours"), stage.application)
    (deletion,) = deletions(namespace_of(stage))
    held = replace(deletion, kind=ActionKind.HOLD)
    left = replace(deletion, kind=ActionKind.SKIP)
    assert counted(stage, [held])[namespace_of(stage)].total == 1
    assert counted(stage, [left]) == {}
    assert counted(stage, creations([thing("Namespace", stage.namespace)])) == {}
