"""Objects of many kinds, for hashes and ownership proofs."""

from __future__ import annotations

import base64
from typing import Any

Object = dict[str, Any]


def obj(api_version: str, kind: str, name: str, **body: Any) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **body}


def pod(**spec: Any) -> Object:
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "registry.test/web:1"}], **spec},
    }


SELECTOR = {"matchLabels": {"app": "web"}}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
SUBJECT = {"kind": "ServiceAccount", "name": "web", "namespace": "default"}
WEBHOOK = {
    "name": "web.synced.test",
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "failurePolicy": "Ignore",
    "clientConfig": {"service": {"name": "web", "namespace": "default"}},
    "rules": [
        {"apiGroups": ["synced.test"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothings"], "scope": "*"}
    ],
}

AGREEING: tuple[Object, ...] = (
    obj(
        "v1",
        "ConfigMap",
        "plain",
        data={"a": "1", "b": "", "c.d": "2"},
        binaryData={"x": base64.b64encode(b"\0").decode()},
    ),
    obj("v1", "ConfigMap", "empty", data={}),
    obj("v1", "Secret", "plain", type="Opaque", data={"a": base64.b64encode(b"value").decode()}),
    obj("v1", "ServiceAccount", "plain", imagePullSecrets=[{"name": "registry"}]),
    obj(
        "v1",
        "Service",
        "ports",
        spec={"selector": {"app": "web"}, "ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "name": "dns"}][:1]},
    ),
    obj(
        "v1",
        "Service",
        "two-ports",
        spec={"selector": {"app": "web"}, "ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]},
    ),
    obj(
        "v1",
        "Service",
        "headless",
        spec={"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    ),
    obj(
        "apps/v1",
        "Deployment",
        "plain",
        spec={
            "replicas": 0,
            "selector": SELECTOR,
            "template": pod(volumes=[{"name": "tmp", "emptyDir": {}}], securityContext={}),
        },
    ),
    obj("apps/v1", "StatefulSet", "plain", spec={"serviceName": "web", "replicas": 0, "selector": SELECTOR, "template": pod()}),
    obj(
        "apps/v1",
        "DaemonSet",
        "plain",
        spec={"selector": SELECTOR, "template": pod(nodeSelector={"never": "here"}, tolerations=[{"operator": "Exists"}])},
    ),
    obj(
        "batch/v1",
        "CronJob",
        "plain",
        spec={"schedule": "0 0 1 1 *", "suspend": False, "jobTemplate": {"spec": {"template": pod(restartPolicy="Never")}}},
    ),
    obj("policy/v1", "PodDisruptionBudget", "plain", spec={"minAvailable": 1, "selector": SELECTOR}),
    obj(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "plain",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "plain"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
            ],
        },
    ),
    obj(
        "networking.k8s.io/v1",
        "Ingress",
        "plain",
        spec={
            "rules": [
                {
                    "host": "web.test",
                    "http": {
                        "paths": [
                            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
                        ]
                    },
                }
            ]
        },
    ),
    obj(
        "networking.k8s.io/v1", "NetworkPolicy", "allow", spec={"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    ),
    obj("networking.k8s.io/v1", "NetworkPolicy", "deny", spec={"podSelector": {}, "policyTypes": ["Egress"], "egress": []}),
    obj("rbac.authorization.k8s.io/v1", "Role", "plain", rules=[RULE]),
    obj(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "plain",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "plain"},
        subjects=[SUBJECT],
    ),
    obj(
        "v1",
        "PersistentVolumeClaim",
        "plain",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    ),
    obj("v1", "ResourceQuota", "plain", spec={"hard": {"pods": "100", "requests.cpu": "4"}}),
)
"""Namespaced objects whose hash needs no baseline."""

CLUSTER_SCOPED: tuple[Object, ...] = (
    obj("rbac.authorization.k8s.io/v1", "ClusterRole", "plain", rules=[RULE]),
    obj("rbac.authorization.k8s.io/v1", "ClusterRole", "empty", rules=[]),
    obj(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "plain",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "plain"},
        subjects=[SUBJECT],
    ),
    obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "plain", webhooks=[WEBHOOK]),
    obj("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "plain", webhooks=[WEBHOOK]),
    obj("scheduling.k8s.io/v1", "PriorityClass", "plain", value=5),
    obj("storage.k8s.io/v1", "StorageClass", "plain", provisioner="none.test", parameters={"a": "b"}),
)
"""Cluster-scoped objects whose hash needs no baseline; names are made unique before use."""

RESPELLED: dict[str, Object] = {
    "a list that is owned as a whole is completed": obj(
        "v1", "LimitRange", "completed", spec={"limits": [{"type": "Container", "max": {"cpu": "2"}}]}
    ),
    "a quantity is written in its shortest form": obj(
        "apps/v1",
        "Deployment",
        "quantity",
        spec={
            "replicas": 0,
            "selector": SELECTOR,
            "template": pod(
                containers=[{"name": "web", "image": "x", "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}],
            ),
        },
    ),
    "a reference that is owned as a whole is completed": obj(
        "apps/v1",
        "Deployment",
        "reference",
        spec={
            "replicas": 0,
            "selector": SELECTOR,
            "template": pod(
                containers=[
                    {
                        "name": "web",
                        "image": "x",
                        "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                    }
                ]
            ),
        },
    ),
    "an empty list of items with keys is owned by nobody": obj(
        "apps/v1",
        "Deployment",
        "lists",
        spec={
            "replicas": 0,
            "selector": SELECTOR,
            "template": pod(
                containers=[{"name": "web", "image": "x", "env": [], "ports": [], "args": []}], imagePullSecrets=[]
            ),
        },
    ),
    "an empty map that the server fills with defaults": obj(
        "apps/v1", "Deployment", "strategy", spec={"replicas": 0, "strategy": {}, "selector": SELECTOR, "template": pod()}
    ),
    "base64 with line breaks is written in one line": obj(
        "v1",
        "Secret",
        "wrapped",
        data={
            "a": base64.encodebytes(
                b"a long value that is wrapped by some tools after 76 characters, as mail wants it"
            ).decode()
        },
    ),
}
"""Objects the server stores in other words: their hash needs a baseline, or ownership has to prove it."""

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "things.synced.test"},
    "spec": {
        "group": "synced.test",
        "scope": "Namespaced",
        "names": {"plural": "things", "kind": "Thing"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "number": {"type": "number"},
                                    "defaulted": {"type": "integer", "default": 3},
                                    "map": {"type": "object", "additionalProperties": {"type": "string"}},
                                    "list": {"type": "array", "items": {"type": "string"}},
                                    "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                                    "nullable": {"type": "string", "nullable": True},
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}

THING = obj(
    "synced.test/v1",
    "Thing",
    "plain",
    spec={
        "number": 1.0,
        "map": {},
        "list": [],
        "set": ["b", "a"],
        "nullable": None,
        "free": {"a": [], "b": {}, "c": None, "d": [{"e": 1}], "f": 1.5, "big": 12345678901234},
    },
)
