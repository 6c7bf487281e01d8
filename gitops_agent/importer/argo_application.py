"""Translates an Argo CD Application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops_agent.importer import argo_sync
from gitops_agent.importer.argo_source import draft
from gitops_agent.importer.argo_windows import IN_CLUSTER, windows
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.draft import application, given, kept_metadata
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.tables.kinds import APP_PROJECT, ARGO
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import NAMESPACE
from gitops_agent.manifest.reading import items, mapping

FINALIZER = "resources-finalizer.argocd.argoproj.io"
_GROUPS = (ARGO, "notifications.argoproj.io")
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class _Manifests:
    """A source with manifests, and the name of its Application."""

    name: str
    raw: Object


def convert(obj: Object, context: ImportContext) -> Conversion:
    """What an Application of Argo CD becomes: none in another cluster."""
    spec, remarks = mapping(obj, "spec"), list[Remark]()
    cluster = next((str(value) for value in _destinations(spec) if not _is_here(str(value), context)), "")
    if cluster:
        field = "server" if mapping(spec, "destination").get("server") else "name"
        text = f"goes to the cluster {cluster}: run the agent there, and import with `--cluster {cluster}`"
        return Conversion(source=obj, remarks=(Remark(theirs=f"spec.destination.{field}", meaning=Meaning.NONE, note=text),))
    sources = _sources(spec)
    others = {str(source["ref"]): source for source in sources if source.get("ref")}
    drafts = [(source.name, draft(source.raw, others, context=context)) for source in _named(obj, sources)]
    if len(drafts) > 1:
        text = f"several sources have manifests: {', '.join(name for name, _ in drafts)}"
        remarks.append(Remark(theirs="spec.source.repoURL", meaning=Meaning.CHANGED, note=text))
    shared = _shared(obj, context, remarks)
    resources = tuple(
        application(
            name,
            context.target,
            {**given({"source": source_draft.source, "render": source_draft.render}), **shared},
            metadata=_metadata(obj),
        )
        for name, source_draft in drafts
    )
    wanted_mode = argo_sync.mode(mapping(spec, "syncPolicy"))
    return Conversion(
        source=obj,
        resources=resources,
        remarks=(*remarks, *(remark for _, source_draft in drafts for remark in source_draft.remarks)),
        copies=tuple(dict.fromkeys(copy for _, source_draft in drafts for copy in source_draft.copies)),
        mode=wanted_mode,
        manifests=_namespace(spec),
    )


def _is_here(cluster: str, context: ImportContext) -> bool:
    return cluster in ("", context.cluster) or (not context.cluster and cluster in IN_CLUSTER)


def _destinations(spec: Object) -> tuple[Any, ...]:
    destination = mapping(spec, "destination")
    return (destination.get("server") or "", destination.get("name") or "")


def _sources(spec: Object) -> list[Object]:
    hydrator = mapping(spec, "sourceHydrator")
    if hydrator:
        dry, hydrated = mapping(hydrator, "drySource"), mapping(hydrator, "syncSource")
        return [
            {"repoURL": dry.get("repoURL"), "targetRevision": hydrated.get("targetBranch"), "path": hydrated.get("path") or "."}
        ]
    several = items(spec.get("sources"))
    return several or [mapping(spec, "source")]


def _named(obj: Object, sources: list[Object]) -> list[_Manifests]:
    """The sources with manifests; those with `ref` only give values."""
    name = str(obj["metadata"]["name"])
    with_manifests = [source for source in sources if not source.get("ref") or source.get("path") or source.get("chart")]
    return [
        _Manifests(name if index == 0 else f"{name}-{raw.get('name') or index + 1}", raw)
        for index, raw in enumerate(with_manifests)
    ]


def _shared(obj: Object, context: ImportContext, remarks: list[Remark]) -> Object:
    """What every Application of an object has."""
    spec = mapping(obj, "spec")
    policy = mapping(spec, "syncPolicy")
    options = argo_sync.options(policy)
    destination = mapping(spec, "destination")
    deletion = FINALIZER in str(mapping(obj, "metadata").get("finalizers") or "") and options.get("Delete") != "false"
    namespace = destination.get("namespace")
    creates = options.get("CreateNamespace") == "true" and bool(namespace)
    sync = argo_sync.sync(spec, remarks)
    return {
        "destination": given({"namespace": namespace, "createNamespace": creates or None}),
        "sync": {**sync, **given({"windows": windows(_project(obj, context, remarks), obj)})},
        "deletionPolicy": "prune" if deletion else "orphan",
    }


def _namespace(spec: Object) -> tuple[Object, ...]:
    """The Namespace with what Argo CD puts on it."""
    name, added = mapping(spec, "destination").get("namespace"), mapping(spec, "syncPolicy", "managedNamespaceMetadata")
    metadata = given({"name": name, **{field: mapping(added, field) for field in ("labels", "annotations")}})
    return ({"apiVersion": "v1", "kind": NAMESPACE.kind, "metadata": metadata},) if name and added else ()


def _project(obj: Object, context: ImportContext, remarks: list[Remark]) -> Object | None:
    name = str(mapping(obj, "spec").get("project") or _DEFAULT)
    namespace = str(obj["metadata"].get("namespace") or context.home)
    project = context.peers.get(APP_PROJECT, context.home, name) or context.peers.get(APP_PROJECT, namespace, name)
    if project is None and name != _DEFAULT:
        text = f"the AppProject {name} was not read, so its windows are missing"
        remarks.append(Remark(theirs="spec.project", meaning=Meaning.NONE, note=text))
    return project


def _metadata(obj: Object) -> Object:
    return kept_metadata(obj, _GROUPS)
