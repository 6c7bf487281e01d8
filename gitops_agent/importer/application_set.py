"""Expands an ApplicationSet into the Applications it generates.

The result is a snapshot: what generated it is no longer asked, and Git has the Applications. One that is live already is
imported as it is in the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.importer.application_set_generators import Generators, Parameters
from gitops_agent.importer.argo_application import FINALIZER
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Remark
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.kinds import ARGO_APPLICATION
from gitops_agent.importer.template_text import TemplateNotRead
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.selector import meets
from gitops_agent.manifest.yaml import load_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """What an ApplicationSet yields.

    Attributes:
        source: the set.
        applications: Applications of Argo CD, those that are live as they are.
        remarks: generators and texts that are not expanded.
    """

    source: Object
    applications: tuple[Object, ...]
    remarks: tuple[Remark, ...]


def expand(obj: Object, context: ImportContext) -> Expansion:
    """The Applications of a set."""
    spec, remarks = mapping(obj, "spec"), list[Remark]()
    live = {
        ObjectKey.of(child).name: child
        for child in context.peers.of_kind(ARGO_APPLICATION)
        if _owner(child) == ObjectKey.of(obj).name
    }
    reader = Generators(go=spec.get("goTemplate") is True, repositories=context.repositories)
    applications: dict[str, Object] = {}
    for index, generator in enumerate(items(spec.get("generators"))):
        try:
            for parameters in reader.yielded(generator):
                application = _application(obj, generator, parameters, reader)
                applications[application["metadata"]["name"]] = application
        except TemplateNotRead as error:
            kind = next((name for name in generator if name not in {"selector", "template"}), "")
            text = f"generator {index + 1}: {error}" + ("; its live Applications are imported" if live else "")
            remarks.append(Remark(theirs=f"spec.generators[].{kind}", meaning=Meaning.NONE, note=text))
    return Expansion(source=obj, applications=tuple((applications | live).values()), remarks=tuple(remarks))


def steps(obj: Object, applications: tuple[Object, ...]) -> dict[str, tuple[str, ...]]:
    """By Application those of the rolling sync's step before its own."""
    rolling = items(mapping(obj, "spec", "strategy", "rollingSync").get("steps"))
    before: tuple[str, ...] = ()
    result: dict[str, tuple[str, ...]] = {}
    for step in rolling:
        requirements = items(step.get("matchExpressions"))
        names = tuple(
            str(application["metadata"]["name"])
            for application in applications
            if all(
                meets(
                    str(r.get("key")),
                    str(r.get("operator")),
                    list(r.get("values") or ()),
                    mapping(application, "metadata", "labels"),
                )
                for r in requirements
            )
        )
        result |= {name: before for name in names if before and name not in result}
        before = names or before
    return result


def _application(obj: Object, generator: Object, parameters: Parameters, reader: Generators) -> Object:
    """One Application of the template."""
    kind = next(name for name in generator if name not in {"selector", "template"})
    own = mapping(mapping(generator, kind), "template")
    template = _merged(mapping(obj, "spec", "template"), own)
    result: Object = reader.replaced(template, parameters)
    patch = mapping(obj, "spec").get("templatePatch")
    if patch:
        text = reader.replaced(str(patch), parameters)
        documents = load_all(text.encode(), file="spec.templatePatch")
        result = _merged(result, documents[0]) if documents and isinstance(documents[0], dict) else result
    metadata = mapping(result, "metadata")
    if not metadata.get("name"):
        raise TemplateNotRead("the template names no Application")
    finalizers = list(metadata.get("finalizers") or ())
    if not finalizers and mapping(obj, "spec", "syncPolicy").get("preserveResourcesOnDeletion") is not True:
        finalizers = [FINALIZER]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": ARGO_APPLICATION.kind,
        "metadata": {**metadata, "namespace": mapping(obj, "metadata").get("namespace"), "finalizers": finalizers},
        "spec": mapping(result, "spec"),
    }


def _merged(base: Object, patch: Object) -> Object:
    """A merge patch: maps are merged, null removes, all else replaces."""
    result = dict(base)
    for name, value in patch.items():
        here = result.get(name)
        if value is None or value == "":
            if value is None:
                result.pop(name, None)
        else:
            result[name] = _merged(here if isinstance(here, dict) else {}, value) if isinstance(value, dict) else value
    return result


def _owner(obj: Object) -> str:
    owners = items(mapping(obj, "metadata").get("ownerReferences"))
    return next((str(owner.get("name")) for owner in owners if owner.get("kind") == "ApplicationSet"), "")
