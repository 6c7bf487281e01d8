from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.pod_references import account, configuration, requirements


def pod(**spec: Any) -> Object:
    return {"spec": spec}


def test_configuration_is_what_containers_read_as_file_or_variable() -> None:
    volumes = [
        {"name": "a", "configMap": {"name": "files"}},
        {"name": "b", "secret": {"secretName": "keys", "optional": True}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "more"}}, {"secret": {"name": "token"}}]}},
    ]
    env = [
        {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "x", "optional": True}}},
        {"name": "Y", "valueFrom": {"secretKeyRef": {"name": "env", "key": "y"}}},
        {"name": "Z", "value": "plain"},
    ]
    first = {"name": "i", "envFrom": [{"secretRef": {"name": "init"}}, {"configMapRef": {"name": "init"}}]}
    template = pod(volumes=volumes, initContainers=[first], containers=[{"name": "web", "env": env}])

    assert [(str(reference.key("shop")), reference.optional) for reference in configuration(template)] == [
        ("ConfigMap:shop/files", False),
        ("Secret:shop/keys", True),
        ("ConfigMap:shop/more", False),
        ("Secret:shop/token", False),
        ("Secret:shop/init", False),
        ("ConfigMap:shop/init", False),
        ("ConfigMap:shop/env", True),
        ("Secret:shop/env", False),
    ]


def test_pods_need_their_volumes_devices_and_the_secrets_to_get_images_and_mounts() -> None:
    template = pod(
        imagePullSecrets=[{"name": "pull"}],
        resourceClaims=[{"resourceClaimName": "card"}, {"resourceClaimTemplateName": "cards"}],
        volumes=[
            {"name": "a", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "b", "csi": {"nodePublishSecretRef": {"name": "mount"}}},
            {"name": "c", "configMap": {"name": "files"}},
        ],
    )

    assert [str(key) for key in requirements(template, "shop")] == [
        "Secret:shop/pull",
        "resource.k8s.io/ResourceClaim:shop/card",
        "resource.k8s.io/ResourceClaimTemplate:shop/cards",
        "PersistentVolumeClaim:shop/data",
        "Secret:shop/mount",
    ]


@pytest.mark.parametrize(
    ("spec", "name"),
    [({}, "default"), ({"serviceAccountName": "runner"}, "runner"), ({"serviceAccount": "older"}, "older")],
)
def test_pods_run_as_the_default_account_unless_they_name_one(spec: Object, name: str) -> None:
    assert str(account(pod(**spec), "shop")) == f"ServiceAccount:shop/{name}"


@pytest.mark.parametrize(
    "template", [{}, {"spec": None}, {"spec": {"volumes": "x", "containers": [None, {"env": {}, "envFrom": [1]}]}}]
)
def test_a_template_of_another_shape_names_nothing(template: Object) -> None:
    assert [*configuration(template), *requirements(template, "shop")] == []
