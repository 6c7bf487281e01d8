"""Kustomize options of other tools, as those of an Application."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitops_agent.importer.draft import given
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump

_IMAGE = re.compile(
    r"(?:(?P<name>[^=]+)=)?(?P<new>[^@]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]+))?"
)
_SCALED = "Deployment|StatefulSet|ReplicaSet|ReplicationController"
_EVERY_KIND = ".*"


def image(text: str) -> Object:
    """An image override of Argo CD: `[NAME=]IMAGE[:TAG][@DIGEST]`.

    Raises:
        ValueError: the text is none.
    """
    match = _IMAGE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:120]!r} is not an image")
    name, new = match["name"], match["new"]
    return given({"name": name or new, "newName": new if name else None, "newTag": match["tag"], "digest": match["digest"]})


def replicas(name: str, count: Any) -> Object:
    """A patch that sets the replicas of a workload."""
    operation = [{"op": "add", "path": "/spec/replicas", "value": int(str(count))}]
    return {"target": {"kind": _SCALED, "name": name}, "patch": dump(operation)}


def metadata_of_all(fields: Mapping[str, Mapping[str, Any]]) -> Object:
    """A patch that adds labels and annotations to every object."""
    metadata = {
        "name": "any",
        **{field: {name: str(value) for name, value in values.items()} for field, values in fields.items()},
    }
    return {"target": {"kind": _EVERY_KIND}, "patch": dump({"apiVersion": "v1", "kind": "Any", "metadata": metadata})}


def left_out(group: str) -> Object:
    """A patch that removes every object of an API group."""
    body = {"$patch": "delete", "apiVersion": f"{group}/v1", "kind": "Any", "metadata": {"name": "any"}}
    return {"target": {"group": group}, "patch": dump(body)}


def patch(raw: Mapping[str, Any]) -> Object:
    """A patch with its target, without the options of kustomize."""
    return given({"patch": raw.get("patch"), "path": raw.get("path"), "target": given(dict(raw.get("target") or {}))})
