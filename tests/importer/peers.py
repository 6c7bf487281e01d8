"""Objects of other tools, and what an import makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from gitops_agent.errors import SourceError
from gitops_agent.importer.argo import import_argo
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.flux import import_flux
from gitops_agent.importer.peer_objects import PeerObjects
from gitops_agent.importer.report import FieldReport
from gitops_agent.importer.repositories import Reference, assumed
from gitops_agent.importer.result import ImportResult, result_of
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.yaml import load_all
from gitops_agent.revision.tree import Tree

URL = "https://git.example.com/config.git"


class Repositories:
    """Repositories with these trees; every other name is a branch.

    Args:
        trees: by address.
    """

    def __init__(self, trees: Mapping[str, Tree] | None = None) -> None:
        self._trees = dict(trees or {})

    def reference(self, url: str, revision: str) -> Reference:
        return Reference(spec=assumed(revision, "").spec)

    def tree(self, url: str, revision: str) -> Tree:
        if url not in self._trees:
            raise SourceError(f"there is no {url}", reason="SourceUnavailable")
        return self._trees[url]


def objects(text: str) -> list[Object]:
    return [document for document in load_all(text.encode()) if document]


def context(peers: Iterable[Object], home: str, trees: Mapping[str, Tree] | None = None, **more: str) -> ImportContext:
    repositories = Repositories(trees)
    return ImportContext(peers=PeerObjects(peers), repositories=repositories, home=home, target="gitops-system", **more)


def argo(peers: Iterable[Object], trees: Mapping[str, Tree] | None = None, **more: str) -> ImportResult:
    return result_of("argo", import_argo(context(peers, "argocd", trees, **more)))


def flux(peers: Iterable[Object], trees: Mapping[str, Tree] | None = None) -> ImportResult:
    return result_of("flux", import_flux(context(peers, "flux-system", trees)))


def conversion(result: ImportResult, name: str) -> Conversion:
    return next(candidate for candidate in result.conversions if ObjectKey.of(candidate.source).name == name)


def spec_of(result: ImportResult, name: str) -> Object:
    """The spec of our only resource of that name."""
    (spec,) = [
        resource["spec"]
        for conversion in result.conversions
        for resource in conversion.resources
        if resource["metadata"]["name"] == name
    ]
    return dict(spec)


def field(result: ImportResult, name: str, theirs: str) -> FieldReport:
    """What the report says of one field of one object."""
    (entry,) = [
        field_report
        for report in result.reports
        if report.source.name == name
        for field_report in report.fields
        if field_report.theirs == theirs
    ]
    return entry


def meaning(result: ImportResult, name: str, theirs: str) -> Meaning:
    return field(result, name, theirs).meaning


def within(obj: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def put(obj: Object, path: str, value: Any) -> Object:
    """The object with a value at a path such as `spec.sources[].helm`."""
    here: Any = obj
    *steps, last = re.findall(r"(?:[^.\[]|\[[^\]]*\])+", path)
    for step in steps:
        name = step.removesuffix("[]")
        following = here.setdefault(name, [{}] if step.endswith("[]") else {})
        here = following[0] if step.endswith("[]") else following
    if last.endswith("]") and not last.endswith("[]"):
        name, _, key = last.partition("[")
        here.setdefault(name, {})[key.removesuffix("]")] = value
    else:
        here[last.removesuffix("[]")] = value
    return obj
