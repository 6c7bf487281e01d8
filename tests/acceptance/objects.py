"""Small manifests, as the repositories of these tests hold them."""

from __future__ import annotations

from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump_all

PAUSE = "registry.example.com/pause:1"


def files(*objects: Object) -> dict[str, str]:
    """One file an object."""
    return {f"{obj['kind'].lower()}-{obj['metadata']['name']}.yaml": dump_all([obj]) for obj in objects}


def config_map(name: str, *, namespace: str = "", annotations: dict[str, str] | None = None, **data: str) -> Object:
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"key": "value"}}


def config_maps(count: int, prefix: str = "item") -> list[Object]:
    return [config_map(f"{prefix}-{number}") for number in range(count)]


def secret(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(
    name: str,
    *,
    image: str = PAUSE,
    replicas: int = 1,
    annotations: dict[str, str] | None = None,
    resources: Object | None = None,
) -> Object:
    labels = {"app": name}
    template: Object = {
        "metadata": {"labels": labels, "annotations": {name: str(value) for name, value in (annotations or {}).items()}},
        "spec": {"containers": [{"name": "main", "image": image, **({"resources": resources} if resources else {})}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def crd(group: str, kind: str = "Widget") -> Object:
    plural = f"{kind.lower()}s"
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def widget(group: str, name: str, *, kind: str = "Widget") -> Object:
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}, "spec": {"size": 1}}
