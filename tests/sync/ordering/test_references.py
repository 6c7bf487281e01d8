from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sync.ordering.references import references
from tests.sync.samples import key, thing, workload


def named(obj: Object) -> set[tuple[str, str]]:
    return {(str(reference.key), reference.rule) for reference in references(obj, ObjectKey.of(obj))}


def foreign(api: str, kind: str, /, namespace: str = "shop", **spec: Any) -> Object:
    metadata = {"name": "x", "namespace": namespace} if namespace else {"name": "x"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def test_pods_name_their_account_configuration_volumes_and_classes() -> None:
    pod: dict[str, Any] = {
        "serviceAccountName": "runner",
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"name": "a", "configMap": {"name": "files"}},
            {"name": "b", "secret": {"secretName": "key", "optional": True}},
            {"name": "c", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "d", "projected": {"sources": [{"secret": {"name": "token"}}, {"configMap": {"name": "ca"}}]}},
        ],
        "initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "start"}}]}],
        "containers": [
            {
                "name": "main",
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "login", "key": "a"}}},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "maybe", "key": "b", "optional": True}}},
                    {"name": "C", "value": "1"},
                ],
            },
        ],
    }
    assert named(workload("Deployment", "web", **pod)) == {
        ("ServiceAccount:shop/runner", "account"),
        ("scheduling.k8s.io/PriorityClass:high", "class"),
        ("Secret:shop/pull", "configuration"),
        ("ConfigMap:shop/files", "configuration"),
        ("Secret:shop/key", "optional configuration"),
        ("PersistentVolumeClaim:shop/data", "configuration"),
        ("Secret:shop/token", "configuration"),
        ("ConfigMap:shop/ca", "configuration"),
        ("ConfigMap:shop/start", "configuration"),
        ("Secret:shop/login", "configuration"),
        ("ConfigMap:shop/maybe", "optional configuration"),
    }


def test_a_cron_job_keeps_its_pods_deeper_and_a_pod_is_one_itself() -> None:
    pod = {"containers": [{"name": "main"}], "serviceAccountName": "runner"}
    job = thing("CronJob", "nightly", spec={"jobTemplate": {"spec": {"template": {"spec": pod}}}})
    assert named(job) == {("ServiceAccount:shop/runner", "account")}
    assert named(thing("Pod", "one", spec=pod)) == {("ServiceAccount:shop/runner", "account")}


def test_custom_workloads_with_a_pod_template_are_read_too() -> None:
    rollout = foreign("argoproj.io/v1alpha1", "Rollout", template={"spec": {"containers": [], "serviceAccountName": "runner"}})
    assert named(rollout) == {("ServiceAccount:shop/runner", "account")}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (
            thing(
                "RoleBinding",
                "b",
                roleRef={"kind": "Role", "name": "r"},
                subjects=[{"kind": "ServiceAccount", "name": "s"}, {"kind": "User", "name": "u"}],
            ),
            {("rbac.authorization.k8s.io/Role:shop/r", "role"), ("ServiceAccount:shop/s", "subject")},
        ),
        (
            thing(
                "ClusterRoleBinding",
                "b",
                roleRef={"kind": "ClusterRole", "name": "r"},
                subjects=[{"kind": "ServiceAccount", "name": "s", "namespace": "bank"}],
            ),
            {("rbac.authorization.k8s.io/ClusterRole:r", "role"), ("ServiceAccount:bank/s", "subject")},
        ),
        (
            thing("PersistentVolumeClaim", "c", spec={"storageClassName": "fast", "volumeName": "pv"}),
            {("storage.k8s.io/StorageClass:fast", "class"), ("PersistentVolume:pv", "volume")},
        ),
        (
            thing(
                "Ingress",
                "i",
                annotations={"cert-manager.io/cluster-issuer": "le"},
                spec={"ingressClassName": "nginx", "tls": [{"secretName": "cert"}]},
            ),
            {
                ("networking.k8s.io/IngressClass:nginx", "class"),
                ("Secret:shop/cert", "optional configuration"),
                ("cert-manager.io/ClusterIssuer:le", "issuer"),
            },
        ),
        (
            foreign("cert-manager.io/v1", "Certificate", issuerRef={"name": "ca"}),
            {("cert-manager.io/Issuer:shop/ca", "issuer")},
        ),
        (
            foreign("external-secrets.io/v1", "ExternalSecret", secretStoreRef={"name": "vault", "kind": "ClusterSecretStore"}),
            {("external-secrets.io/ClusterSecretStore:vault", "store")},
        ),
        (
            foreign("gateway.networking.k8s.io/v1", "Gateway", gatewayClassName="traefik"),
            {("gateway.networking.k8s.io/GatewayClass:traefik", "class")},
        ),
        (
            foreign("gateway.networking.k8s.io/v1", "HTTPRoute", parentRefs=[{"name": "edge", "namespace": "infra"}]),
            {("gateway.networking.k8s.io/Gateway:infra/edge", "gateway")},
        ),
        (
            thing(
                "HorizontalPodAutoscaler",
                "h",
                spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            ),
            {("apps/Deployment:shop/web", "scaled")},
        ),
        (
            thing(
                "Secret",
                "t",
                annotations={"kubernetes.io/service-account.name": "s"},
                type="kubernetes.io/service-account-token",
            ),
            {("ServiceAccount:shop/s", "token")},
        ),
        (thing("ConfigMap", "plain", data={"issuerRef": "x"}), set()),
    ],
)
def test_other_kinds_name_what_they_need(obj: Object, expected: set[tuple[str, str]]) -> None:
    assert named(obj) == expected


@pytest.mark.parametrize(
    "obj",
    [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}},
        thing("Deployment", "x", spec=None),
        thing("Deployment", "x", spec={"template": {"spec": {"containers": "none", "volumes": {}}}}),
        thing("RoleBinding", "x", subjects="all", roleRef=[]),
        thing("Ingress", "x", spec=[]),
        thing("HorizontalPodAutoscaler", "x", spec={"scaleTargetRef": "web"}),
        thing("PersistentVolumeClaim", "x", spec={"storageClassName": {"a": 1}}),
    ],
)
def test_torn_shapes_refer_to_nothing(obj: Object) -> None:
    assert named(obj) == set()


def test_pods_without_an_account_run_as_the_default_one() -> None:
    assert [reference.key for reference in references(workload("Deployment", "web"), key("Deployment", "web"))] == [
        key("ServiceAccount", "default"),
    ]


@pytest.mark.parametrize("field", ["dataSource", "dataSourceRef"])
def test_a_claim_names_what_its_volume_is_made_from(field: str) -> None:
    spec: dict[str, Any] = {field: {"kind": "PersistentVolumeClaim", "name": "old"}}
    claim = foreign("v1", "PersistentVolumeClaim", **spec)

    assert named(claim) == {("PersistentVolumeClaim:shop/old", "volume")}
