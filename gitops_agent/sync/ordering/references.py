"""References between objects, each with the ordering rule it falls under.

References are read from the manifest alone; whether the object referred to is declared beside it is not asked here. Shapes that
are not as the API has them are read as "refers to nothing": the API server will say what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import (
    API_SERVICE,
    AUTOSCALER,
    CLUSTER_ROLE_BINDING,
    CRON_JOB,
    MUTATING_WEBHOOKS,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    RBAC,
    ROLE_BINDING,
    SCALED_OBJECT,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    VALIDATING_WEBHOOKS,
)
from gitops_agent.manifest.pod_references import account, configuration, requirements
from gitops_agent.manifest.reading import mapping
from gitops_agent.manifest.selector import matches_labels

_STORAGE = "storage.k8s.io"
_NETWORK = "networking.k8s.io"
_GATEWAY = "gateway.networking.k8s.io"
_CERTIFICATES = "cert-manager.io"
_SECRETS = "external-secrets.io"

TEMPLATES: Mapping[GroupKind, tuple[str, ...]] = {
    POD: (),
    GroupKind("", "PodTemplate"): ("template",),
    CRON_JOB: ("spec", "jobTemplate", "spec", "template"),
}
"""Where kinds keep their pod template; all others, those of custom workloads too, keep it at `spec.template`."""

BOUND = frozenset({ROLE_BINDING, CLUSTER_ROLE_BINDING})
SERVED = frozenset(
    {
        VALIDATING_WEBHOOKS,
        MUTATING_WEBHOOKS,
        API_SERVICE,
    },
)
"""Kinds that make the API server depend on a Service."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to another object; `rule` is a name in `order.RULES`."""

    key: ObjectKey
    rule: str


def references(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    """Everything an object references; a reference may come more than once.

    Args:
        obj: the object.
        key: its identity, with the effective namespace.
    """
    template = pod_template(obj, key)
    if template is not None:
        yield from _of_pods(template, key.namespace)
    reader = READERS.get(key.group_kind)
    if reader is not None:
        yield from reader(obj, key)
    if key.group == _GATEWAY and key.kind.endswith("Route"):
        yield from _of_route(obj, key)


def pod_template(obj: Object, key: ObjectKey) -> Object | None:
    """The pod template of a workload or Pod, else None."""
    template = _at(obj, *TEMPLATES.get(key.group_kind, ("spec", "template")))
    if isinstance(template, dict) and isinstance(_at(template, "spec", "containers"), list):
        return template
    return None


def subjects(obj: Object, key: ObjectKey) -> Iterator[ObjectKey]:
    """The ServiceAccounts a binding grants something to."""
    for subject in _dicts(obj.get("subjects")):
        if subject.get("kind") == "ServiceAccount":
            yield ObjectKey(
                "", "ServiceAccount", str(subject.get("namespace") or key.namespace), str(subject.get("name") or "")
            )


def services(obj: Object) -> Iterator[ObjectKey]:
    """The Services behind a webhook configuration or an APIService."""
    places = [_at(webhook, "clientConfig", "service") for webhook in _dicts(obj.get("webhooks"))]
    for service in _dicts([*places, _at(obj, "spec", "service")]):
        yield SERVICE.named(str(service.get("namespace") or ""), str(service.get("name") or ""))


def selects(service: Object, template: Object) -> bool:
    """Whether a Service sends requests to the pods of a template."""
    selector = mapping(service, "spec", "selector")
    return bool(selector) and matches_labels(selector, mapping(template, "metadata", "labels"))


def _of_pods(template: Object, namespace: str) -> Iterator[Reference]:
    spec: Object = template["spec"]
    yield Reference(account(template, namespace), "account")
    yield from _named("scheduling.k8s.io", "PriorityClass", "", spec.get("priorityClassName"), "class")
    yield from _named("node.k8s.io", "RuntimeClass", "", spec.get("runtimeClassName"), "class")
    yield from (Reference(key, "configuration") for key in requirements(template, namespace))
    for reference in configuration(template):
        yield Reference(reference.key(namespace), "optional configuration" if reference.optional else "configuration")


def _of_binding(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    kind = str(_at(obj, "roleRef", "kind") or "")
    yield from _named(RBAC, kind, "" if kind == "ClusterRole" else key.namespace, _at(obj, "roleRef", "name"), "role")
    yield from (Reference(subject, "subject") for subject in subjects(obj, key))


def _of_secret(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    if obj.get("type") == "kubernetes.io/service-account-token":
        name = _at(obj, "metadata", "annotations", "kubernetes.io/service-account.name")
        yield from _named("", "ServiceAccount", key.namespace, name, "token")


def _of_account(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    for secret in _dicts(obj.get("imagePullSecrets")):
        yield from _named("", "Secret", key.namespace, secret.get("name"), "optional configuration")


def _of_claim(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    yield from _named(_STORAGE, "StorageClass", "", _at(obj, "spec", "storageClassName"), "class")
    yield from _named("", "PersistentVolume", "", _at(obj, "spec", "volumeName"), "volume")
    source = _at(obj, "spec", "dataSourceRef") or _at(obj, "spec", "dataSource")
    if isinstance(source, dict):
        namespace = str(source.get("namespace") or key.namespace)
        yield from _named(
            str(source.get("apiGroup") or ""), str(source.get("kind") or ""), namespace, source.get("name"), "volume"
        )


def _of_volume_object(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    del key
    yield from _named(_STORAGE, "StorageClass", "", _at(obj, "spec", "storageClassName"), "class")


def _of_stateful_set(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    for claim in _dicts(_at(obj, "spec", "volumeClaimTemplates")):
        yield from _named(_STORAGE, "StorageClass", "", _at(claim, "spec", "storageClassName"), "class")
    yield from _named("", "Service", key.namespace, _at(obj, "spec", "serviceName"), "service")


def _of_ingress(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    yield from _named(_NETWORK, "IngressClass", "", _at(obj, "spec", "ingressClassName"), "class")
    for tls in _dicts(_at(obj, "spec", "tls")):
        yield from _named("", "Secret", key.namespace, tls.get("secretName"), "optional configuration")
    annotations = _at(obj, "metadata", "annotations")
    yield from _named(_CERTIFICATES, "Issuer", key.namespace, _at(annotations, "cert-manager.io/issuer"), "issuer")
    yield from _named(_CERTIFICATES, "ClusterIssuer", "", _at(annotations, "cert-manager.io/cluster-issuer"), "issuer")


def _of_gateway(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    yield from _named(_GATEWAY, "GatewayClass", "", _at(obj, "spec", "gatewayClassName"), "class")
    for listener in _dicts(_at(obj, "spec", "listeners")):
        for secret in _dicts(_at(listener, "tls", "certificateRefs")):
            namespace = str(secret.get("namespace") or key.namespace)
            yield from _named("", str(secret.get("kind") or "Secret"), namespace, secret.get("name"), "optional configuration")


def _of_route(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    for parent in _dicts(_at(obj, "spec", "parentRefs")):
        group, kind = str(parent.get("group", _GATEWAY)), str(parent.get("kind") or "Gateway")
        yield from _named(group, kind, str(parent.get("namespace") or key.namespace), parent.get("name"), "gateway")


def _of_certificate(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    issuer = _at(obj, "spec", "issuerRef")
    if isinstance(issuer, dict):
        kind = str(issuer.get("kind") or "Issuer")
        namespace = "" if kind.startswith("Cluster") else key.namespace
        yield from _named(str(issuer.get("group") or _CERTIFICATES), kind, namespace, issuer.get("name"), "issuer")


def _of_external_secret(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    for store in _dicts([_at(obj, "spec", "secretStoreRef"), *_list(_at(obj, "spec", "secretStoreRefs"))]):
        kind = str(store.get("kind") or "SecretStore")
        namespace = "" if kind.startswith("Cluster") else key.namespace
        yield from _named(_SECRETS, kind, namespace, store.get("name"), "store")


def _of_scaler(obj: Object, key: ObjectKey) -> Iterator[Reference]:
    scaled = _at(obj, "spec", "scaleTargetRef") or _at(obj, "spec", "targetRef")
    if isinstance(scaled, dict):
        version = str(scaled.get("apiVersion") or ("apps/v1" if key.group == "keda.sh" else "v1"))
        kind = str(scaled.get("kind") or "Deployment")
        yield from _named(version.rpartition("/")[0], kind, key.namespace, scaled.get("name"), "scaled")


READERS: Mapping[GroupKind, Callable[[Object, ObjectKey], Iterator[Reference]]] = {
    PERSISTENT_VOLUME: _of_volume_object,
    PERSISTENT_VOLUME_CLAIM: _of_claim,
    SECRET: _of_secret,
    SERVICE_ACCOUNT: _of_account,
    STATEFUL_SET: _of_stateful_set,
    AUTOSCALER: _of_scaler,
    GroupKind("autoscaling.k8s.io", "VerticalPodAutoscaler"): _of_scaler,
    GroupKind(_CERTIFICATES, "Certificate"): _of_certificate,
    GroupKind(_CERTIFICATES, "CertificateRequest"): _of_certificate,
    GroupKind(_GATEWAY, "Gateway"): _of_gateway,
    SCALED_OBJECT: _of_scaler,
    GroupKind(_NETWORK, "Ingress"): _of_ingress,
    CLUSTER_ROLE_BINDING: _of_binding,
    ROLE_BINDING: _of_binding,
    GroupKind(_SECRETS, "ClusterExternalSecret"): _of_external_secret,
    GroupKind(_SECRETS, "ExternalSecret"): _of_external_secret,
    GroupKind(_SECRETS, "PushSecret"): _of_external_secret,
}
"""What kinds name beside their pods."""


def _named(group: str, kind: str, namespace: str, name: Any, rule: str) -> Iterator[Reference]:
    if isinstance(name, str) and name and kind:
        yield Reference(ObjectKey(group, kind, namespace, name), rule)


def _at(value: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[Object]:
    return [item for item in _list(value) if isinstance(item, dict)]
