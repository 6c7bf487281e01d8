"""Translates the resources of Argo CD."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from gitops_agent.importer import application_set, argo_application, argo_credentials, argo_project
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.kinds import APP_PROJECT, APPLICATION_SET, ARGO_APPLICATION
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping

HOME = "argocd"
"""The namespace that Argo CD is installed in."""
_WAVE = "argocd.argoproj.io/sync-wave"
_TRACKING = "argocd.argoproj.io/tracking-id"
_INSTANCE = "app.kubernetes.io/instance"


def import_argo(context: ImportContext) -> tuple[Conversion, ...]:
    """What every object of Argo CD that was read becomes, sets first."""
    expansions = [application_set.expand(obj, context) for obj in context.peers.of_kind(APPLICATION_SET)]
    generated = {ObjectKey.of(application): application for expansion in expansions for application in expansion.applications}
    applications = generated | {
        ObjectKey.of(application): application for application in context.peers.of_kind(ARGO_APPLICATION)
    }
    conversions = [argo_application.convert(application, context) for application in applications.values()]
    before = _waves(applications.values())
    for expansion in expansions:
        before |= application_set.steps(expansion.source, expansion.applications)
    conversions = _named(conversions)
    conversions = [_after(conversion, before.get(_name(conversion.source), ()), conversions) for conversion in conversions]
    projects = [argo_project.convert(obj, context, conversions) for obj in context.peers.of_kind(APP_PROJECT)]
    return (*_sets(expansions), *projects, *_secrets(context), *conversions)


def _sets(expansions: Iterable[application_set.Expansion]) -> Iterator[Conversion]:
    for expansion in expansions:
        names = ", ".join(str(application["metadata"]["name"]) for application in expansion.applications)
        text = f"expanded into {len(expansion.applications)}: {names}" if names else "expanded into none"
        remarks = (*expansion.remarks, Remark(theirs="spec.template", meaning=Meaning.CHANGED, note=text))
        yield Conversion(source=expansion.source, remarks=remarks)


def _secrets(context: ImportContext) -> Iterator[Conversion]:
    for obj in argo_credentials.repository_secrets(context.peers):
        yield Conversion(source=obj)


def _named(conversions: list[Conversion]) -> list[Conversion]:
    """The conversions, with unique names in each namespace."""
    taken: set[tuple[str, str]] = set()
    result = []
    for conversion in conversions:
        resources = []
        for resource in conversion.resources:
            metadata = resource["metadata"]
            name = str(metadata["name"])
            if (metadata["namespace"], name) in taken:
                name = f"{mapping(conversion.source, 'metadata').get('namespace')}-{name}"
            taken.add((metadata["namespace"], name))
            resources.append({**resource, "metadata": {**metadata, "name": name}})
        result.append(replace(conversion, resources=tuple(resources)))
    return result


def _waves(applications: Iterable[Object]) -> dict[str, tuple[str, ...]]:
    """By Application those of the same parent with the next lower wave."""
    groups: dict[tuple[str, str], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for application in applications:
        groups[(str(application["metadata"].get("namespace") or ""), _parent(application))][_wave(application)].append(
            str(application["metadata"]["name"])
        )
    result: dict[str, tuple[str, ...]] = {}
    for waves in groups.values():
        ordered = sorted(waves)
        for lower, higher in pairwise(ordered):
            result |= {name: tuple(sorted(waves[lower])) for name in waves[higher]}
    return result


def _wave(obj: Object) -> int:
    try:
        return int(str(mapping(obj, "metadata", "annotations").get(_WAVE) or "0"))
    except ValueError:
        return 0


def _parent(obj: Object) -> str:
    """The Application that declares this one; empty for none."""
    tracking = str(mapping(obj, "metadata", "annotations").get(_TRACKING) or "").partition(":")[0]
    return tracking or str(mapping(obj, "metadata", "labels").get(_INSTANCE) or "")


def _after(conversion: Conversion, names: Iterable[str], conversions: list[Conversion]) -> Conversion:
    """The conversion, whose resources wait for those of other Applications."""
    others = {name for other in conversions if _name(other.source) in set(names) for name in _results(other, conversion)}
    if not others:
        return conversion
    resources = []
    for resource in conversion.resources:
        changed = copy(resource)
        present = {str(edge.get("name")) for edge in items(changed["spec"].get("dependsOn"))}
        changed["spec"]["dependsOn"] = [{"name": name} for name in sorted(present | others)]
        resources.append(changed)
    return replace(conversion, resources=tuple(resources))


def _results(other: Conversion, conversion: Conversion) -> Iterator[str]:
    """The names of another conversion's resources in the same namespace."""
    namespaces = {resource["metadata"]["namespace"] for resource in conversion.resources}
    yield from (
        str(resource["metadata"]["name"]) for resource in other.resources if resource["metadata"]["namespace"] in namespaces
    )


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
