"""Translates a HelmRelease of Flux."""

from __future__ import annotations

import posixpath
from typing import Any

from gitops_agent.importer import flux_source, kustomize_options
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.draft import application, given, kept_metadata
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.flux_kustomization import LABELS, account, health_settings, ignored, suspended
from gitops_agent.importer.flux_names import FluxNames
from gitops_agent.importer.flux_order import FluxOrder
from gitops_agent.importer.flux_source import ResolvedSource, SourceReference
from gitops_agent.importer.helm_parameters import place
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping

_VALUES_KEY = "values.yaml"
_VALUES_FROM = "spec.valuesFrom[]"
_LONGEST_RELEASE = 53


def convert(obj: Object, context: ImportContext, names: FluxNames, order: FluxOrder) -> Conversion:
    """What a HelmRelease becomes: nothing where its chart has no equivalent."""
    spec, remarks, at = mapping(obj, "spec"), list[Remark](), ObjectKey.of(obj).namespace
    resolved, chart = _chart(obj, context)
    remarks += resolved.remarks
    if spec.get("kubeConfig"):
        text = "applies to another cluster: run the agent there"
        return Conversion(source=obj, remarks=(*remarks, Remark(theirs="spec.kubeConfig", meaning=Meaning.NONE, note=text)))
    if not resolved.source:
        return Conversion(source=obj, remarks=tuple(remarks))
    install, upgrade = mapping(spec, "install"), mapping(spec, "upgrade")
    values_from = items(spec.get("valuesFrom"))
    target = str(spec.get("targetNamespace") or at)
    helm = {
        "releaseName": _release_name(obj),
        "valuesFiles": _values_files(chart, resolved),
        "ignoreMissingValuesFiles": chart.get("ignoreMissingValuesFiles") or None,
        "valuesFrom": [
            _value_from(reference, remarks, context.copied_name(at, str(reference.get("name")))) for reference in values_from
        ],
        "values": mapping(spec, "values"),
        "crds": _crds(install, upgrade),
        "hooks": "none" if install.get("disableHooks") and upgrade.get("disableHooks") else None,
        "tests": "after-sync" if mapping(spec, "test").get("enable") is True else None,
        "postRender": _post_render(spec, remarks),
        "skipSchemaValidation": any(stage.get("disableSchemaValidation") for stage in (install, upgrade)) or None,
    }
    drift = mapping(spec, "driftDetection")
    whole = {
        "source": resolved.source,
        "render": {"helm": given(helm)},
        "destination": given({"namespace": target, "createNamespace": install.get("createNamespace") or None}),
        "serviceAccountName": account(obj, context, remarks),
        "sync": given(
            {
                "interval": resolved.interval,
                "timeout": spec.get("timeout"),
                "rollback": {"onDegraded": True} if _rolls_back(upgrade, remarks) else None,
                "ignoreFields": ignored(items(drift.get("ignore")), "spec.driftDetection.ignore[]", remarks),
            }
        )
        | {"selfHeal": drift.get("mode") == "enabled"},
        "dependsOn": order.edges(obj, target, remarks),
        "suspend": suspended(obj, resolved),
    }
    needed = [(str(reference.get("kind")), reference.get("name")) for reference in values_from]
    resource = application(names.of(obj), context.target, given(whole), metadata=kept_metadata(obj, LABELS))
    return Conversion(
        source=obj,
        resources=(resource,),
        remarks=tuple(remarks),
        copies=tuple(dict.fromkeys((*resolved.copies, *context.copies(at, needed)))),
        mode="auto",
        settings=health_settings(spec),
        installed=bool(mapping(obj, "status").get("history")),
    )


def _chart(obj: Object, context: ImportContext) -> tuple[ResolvedSource, Object]:
    """The chart, and the fields that name it."""
    spec, owner_namespace = mapping(obj, "spec"), ObjectKey.of(obj).namespace

    def reference(raw: Object, theirs: str) -> SourceReference:
        return SourceReference(raw=raw, theirs=theirs, owner_namespace=owner_namespace)

    if spec.get("chartRef"):
        return flux_source.chart_by_reference(reference(mapping(spec, "chartRef"), "spec.chartRef"), context)
    chart = mapping(spec, "chart", "spec")
    return flux_source.chart(reference(mapping(chart, "sourceRef"), "spec.chart.spec.sourceRef"), chart, context), chart


def _release_name(obj: Object) -> str:
    """The name that Flux gives its release."""
    spec, name = mapping(obj, "spec"), str(obj["metadata"]["name"])
    whole = str(spec.get("releaseName") or (f"{spec['targetNamespace']}-{name}" if spec.get("targetNamespace") else name))
    return whole[:_LONGEST_RELEASE]


def _values_files(chart: Object, resolved: ResolvedSource) -> list[str]:
    """Values files; in Git, Flux names them from the root."""
    files = [str(file) for file in chart.get("valuesFiles") or ()]
    if "repoURL" not in resolved.source:
        return files
    return [posixpath.relpath(posixpath.normpath(file.lstrip("/")), str(resolved.source.get("path") or ".")) for file in files]


def _post_render(spec: Object, remarks: list[Remark]) -> Object | None:
    """Patches and images of all post-renderers, and common metadata."""
    changes = [mapping(renderer, "kustomize") for renderer in items(spec.get("postRenderers"))]
    metadata = mapping(spec, "commonMetadata")
    images = [image for change in changes for image in items(change.get("images"))]
    patches = [kustomize_options.patch(patch) for change in changes for patch in items(change.get("patches"))]
    patches += [kustomize_options.metadata_of_all(metadata)] if metadata else []
    if len(changes) > 1:
        note = "several post-renderers become one: patches first, then images"
        remarks.append(Remark(theirs="spec.postRenderers", meaning=Meaning.CHANGED, note=note))
    return {"kustomize": given({"images": images, "patches": patches})} if images or patches else None


def _value_from(raw: Object, remarks: list[Remark], name: str) -> Object:
    path: Any = None
    if raw.get("targetPath"):
        try:
            path = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place(str(raw["targetPath"])))
        except ValueError as error:
            remarks.append(Remark(theirs=f"{_VALUES_FROM}.targetPath", meaning=Meaning.NONE, note=str(error)))
    fields = {"kind": raw.get("kind"), "name": name, "key": raw.get("valuesKey") or _VALUES_KEY}
    return given({**fields, "targetPath": path, "optional": raw.get("optional") or None})


def _crds(install: Object, upgrade: Object) -> str:
    """One policy for installs and upgrades; Flux only creates CRDs by default."""
    policy = "Skip" if install.get("skipCRDs") else str(install.get("crds") or "Create")
    if upgrade.get("crds") == "CreateReplace":
        return "apply"
    return "skip" if policy == "Skip" else "create-only"


def _rolls_back(upgrade: Object, remarks: list[Remark]) -> bool:
    remediation = mapping(upgrade, "remediation")
    if not remediation:
        return False
    if remediation.get("strategy") == "uninstall":
        text = "a failed upgrade is retried, nothing is uninstalled"
        remarks.append(Remark(theirs="spec.upgrade.remediation", meaning=Meaning.NONE, note=text))
        return False
    return bool(remediation.get("retries") or remediation.get("remediateLastFailure"))
