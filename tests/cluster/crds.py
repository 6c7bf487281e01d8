"""CRDs for tests, each with a group of its own.

So that parallel tests never meet.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import NotFound, UnknownKind
from gitops_agent.manifest.key import Object, ObjectKey
from tests.waiting import eventually


def new_group() -> str:
    """A unique group."""
    return f"g{uuid.uuid4().hex[:8]}.example.com"


def widget_crd(group: str, versions: Sequence[str] = ("v1",)) -> Object:
    """The definition of a namespaced Widget with size and colour.

    The first version is the stored one.
    """
    fields = {"size": {"type": "integer"}, "colour": {"type": "string"}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "shortNames": ["wd"]},
            "versions": [
                {"name": version, "served": True, "storage": version == versions[0], "schema": {"openAPIV3Schema": schema}}
                for version in versions
            ],
        },
    }


def install(objects: Objects, discovery: Discovery, group: str, versions: Sequence[str] = ("v1",)) -> Resource:
    """Creates the definition and waits until its kind is served."""
    objects.apply(widget_crd(group, versions))
    eventually(lambda: served(discovery, group), what="the kind to be served")
    return discovery.find(group, "Widget")


def served(discovery: Discovery, group: str) -> Resource | None:
    """The Widget of a group, asked of the server again."""
    discovery.invalidate(group)
    try:
        return discovery.find(group, "Widget")
    except UnknownKind:
        return None


def remove(objects: Objects, group: str) -> None:
    """Deletes the definition, with every Widget."""
    key = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", f"widgets.{group}")
    try:
        obj = objects.get(key)
    except NotFound:
        return
    objects.delete(key, uid=obj["metadata"]["uid"], propagation="Background")


def widget(group: str, namespace: str, name: str = "one", version: str = "v1", **labels: str) -> Object:
    """A Widget."""
    metadata: Object = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": f"{group}/{version}", "kind": "Widget", "metadata": metadata, "spec": {"size": 1}}
