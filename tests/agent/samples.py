"""Sample Applications and manifests."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.errors import Unavailable
from gitops_agent.events.event import Event
from gitops_agent.manifest.key import AppKey, Object

HOME = "gitops-system"


class Longest(random.Random):
    """The jitter that makes every backoff as long as it can be."""

    def random(self) -> float:
        return 1.0


class EventLog:
    """An event sink that keeps what it takes, unless it is full."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.full = False

    def emit(self, application: Object, events: Sequence[Event]) -> None:
        assert application["metadata"]["name"]
        if self.full:
            raise Unavailable("the outbox cannot be stored now")
        self.events += events


def application_object(
    name: str = "shop",
    *,
    namespace: str = HOME,
    url: str = "https://git.example.com/config.git",
    path: str = "app",
    branch: str = "main",
    secret: str = "",
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A raw Application; what `spec` holds stands beside `source`."""
    source: Object = {"repoURL": url, "ref": {"branch": branch}, "path": path}
    if secret:
        source["secretRef"] = {"name": secret}
    return {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid of {name}",
            "resourceVersion": "1",
            "generation": 1,
            "annotations": dict(annotations or {}),
        },
        "spec": {"source": source, **spec},
    }


def application(name: str = "shop", **options: Any) -> Application:
    """A parsed Application."""
    return parse(application_object(name, **options))


def key(name: str, namespace: str = HOME) -> AppKey:
    return AppKey(namespace, name)


def config_map(name: str, *, annotations: Mapping[str, str] | None = None, **data: str) -> str:
    """A ConfigMap as YAML, without a namespace."""
    metadata = f"metadata:\n  name: {name}\n"
    if annotations:
        metadata += "  annotations:\n" + "".join(f"    {mark}: '{value}'\n" for mark, value in annotations.items())
    rows = "".join(f"  {field}: '{value}'\n" for field, value in (data or {"key": "value"}).items())
    return f"apiVersion: v1\nkind: ConfigMap\n{metadata}data:\n{rows}"


def deployment(name: str, *, replicas: int = 1, annotations: Mapping[str, str] | None = None) -> str:
    """A Deployment as YAML; the annotations are those of its pods."""
    marks = "".join(f"        {mark}: '{value}'\n" for mark, value in (annotations or {"some": "mark"}).items())
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations:
{marks}    spec:
      containers: [{{name: main, image: registry.example.com/pause:1}}]
"""
