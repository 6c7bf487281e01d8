from __future__ import annotations

from typing import Any

from gitops_agent.manifest import pod_references
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.rollout.version_hash import configuration, renamed, version_hash

POD: Object = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "volumes": [
            {"name": "a", "configMap": {"name": "files"}},
            {"name": "b", "secret": {"secretName": "keys"}},
            {"name": "c", "projected": {"sources": [{"configMap": {"name": "more"}}, {"secret": {"name": "token"}}]}},
        ],
        "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "init"}}]}],
        "containers": [
            {
                "name": "web",
                "env": [
                    {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "x"}}},
                    {"name": "Y", "valueFrom": {"secretKeyRef": {"name": "env", "key": "y"}}},
                    {"name": "Z", "value": "plain"},
                ],
            },
        ],
    },
}
WEB: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 3, "template": POD},
}
FILES = ObjectKey("", "ConfigMap", "shop", "files")


def config(**fields: Any) -> dict[ObjectKey, Object]:
    metadata = {"name": "files", "namespace": "shop", "labels": fields.pop("labels", {})}
    return {FILES: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **fields}}


def test_configuration_is_renamed_wherever_pods_name_it() -> None:
    names = {(reference.kind, reference.name) for reference in pod_references.configuration(POD)}
    changed = renamed(POD, {key: f"{key[1]}-new" for key in names})

    assert {(reference.kind, reference.name) for reference in pod_references.configuration(changed)} == {
        (kind, f"{name}-new") for kind, name in names
    }
    assert {(reference.kind, reference.name) for reference in pod_references.configuration(POD)} == names


def test_the_hash_follows_the_pods_and_what_they_read_and_nothing_else() -> None:
    first = version_hash(WEB, config(data={"a": "1"}))
    scaled = {**WEB, "spec": {**WEB["spec"], "replicas": 9}}
    other = copy(WEB)
    other["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"

    assert len(first) == 8
    assert version_hash(scaled, config(data={"a": "1"}, labels={"x": "y"})) == first
    assert version_hash(WEB, config(data={"a": "2"})) != first
    assert version_hash(other, config(data={"a": "1"})) != first
    assert configuration(WEB, config(data={})).keys() == {FILES}


def test_the_hash_is_the_same_in_every_release() -> None:
    assert version_hash(WEB, config(data={"a": "1"})) == "ec84c15f"


def test_a_quantity_in_another_spelling_is_no_other_version() -> None:
    def hashed(cpu: object) -> str:
        changed = copy(WEB)
        changed["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
        return version_hash(changed, {})

    assert hashed("1m") == hashed("0.001") != hashed("2m")
    assert hashed("1") == hashed(1) == hashed("1000m")
