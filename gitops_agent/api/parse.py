"""Parses a stored Application completely, and reports all violations at once."""

from __future__ import annotations

from gitops_agent.api.application import Application, ApplicationSpec
from gitops_agent.api.problems import Problem, SpecInvalid, read
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.reading import mapping

__all__ = ["Problem", "SpecInvalid", "parse"]


def parse(obj: Object) -> Application:
    """The application a stored object describes.

    Raises:
        SpecInvalid: with every problem of the spec; no other error, whatever the object holds.
    """
    spec = read(ApplicationSpec, obj.get("spec") or {}, root="spec")
    metadata = mapping(obj.get("metadata"))
    generation, finalizers = metadata.get("generation"), metadata.get("finalizers")
    return Application(
        key=AppKey(str(metadata.get("namespace") or ""), str(metadata.get("name") or "")),
        uid=str(metadata.get("uid") or ""),
        generation=generation if isinstance(generation, int) else 0,
        resource_version=str(metadata.get("resourceVersion") or ""),
        deleting=metadata.get("deletionTimestamp") is not None,
        annotations=dict(mapping(metadata.get("annotations"))),
        finalizers=tuple(finalizers) if isinstance(finalizers, list) else (),
        spec=spec,
        status=mapping(obj.get("status")),
        raw=obj,
    )
