"""Translates a Kustomization of Flux."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from gitops_agent.errors import SourceError
from gitops_agent.importer import flux_source, kustomize_options
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.draft import application, given, kept_metadata
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.flux_names import FluxNames
from gitops_agent.importer.flux_order import FluxOrder, inventory
from gitops_agent.importer.flux_source import ResolvedSource, SourceReference
from gitops_agent.importer.tables.kinds import FLUX_GROUPS
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping

LABELS = ("fluxcd.io",)
_PLAIN = re.compile(r"[A-Za-z0-9./-]+")
_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CONTROLLERS = frozenset({"kustomizations.kustomize.toolkit.fluxcd.io", "gitrepositories.source.toolkit.fluxcd.io"})
_SUSPENDED = "it was suspended in Flux when it was imported"


def convert(obj: Object, context: ImportContext, names: FluxNames, order: FluxOrder) -> Conversion:
    """What a Kustomization becomes: nothing where it applies Flux itself."""
    if _installs_flux(obj, context):
        beside = ", ".join(str(key) for key in inventory(obj) if not _of_flux(key, context))
        text = "it applies Flux itself, so it is not imported"
        more = f"; declare {beside} in a directory with an Application of its own" if beside else ""
        meaning = Meaning.NONE if beside else Meaning.CHANGED
        return Conversion(
            source=obj, remarks=(Remark(theirs="spec.path", meaning=meaning, note=f"{text}{more}"),), itself=not beside
        )
    spec, remarks, at = mapping(obj, "spec"), list[Remark](), ObjectKey.of(obj).namespace
    reference = SourceReference(
        raw=mapping(spec, "sourceRef"),
        theirs="spec.sourceRef",
        owner_namespace=at,
    )
    resolved = flux_source.directory(reference, str(spec.get("path") or "."), context)
    remarks += resolved.remarks
    if spec.get("kubeConfig"):
        text = "applies to another cluster: run the agent there"
        return Conversion(source=obj, remarks=(*remarks, Remark(theirs="spec.kubeConfig", meaning=Meaning.NONE, note=text)))
    if not resolved.source:
        return Conversion(source=obj, remarks=tuple(remarks))
    policy = str(spec.get("deletionPolicy") or "MirrorPrune")
    whole = {
        "source": resolved.source,
        "render": _render(obj, resolved, context, remarks),
        "destination": given({"namespace": spec.get("targetNamespace")}),
        "serviceAccountName": account(obj, context, remarks),
        "sync": given({"interval": resolved.interval, "timeout": spec.get("timeout")})
        | {"prune": spec.get("prune") is True}
        | given({"ignoreFields": ignored(items(spec.get("ignore")), "spec.ignore[]", remarks)}),
        "dependsOn": order.edges(obj, str(spec.get("targetNamespace") or ""), remarks),
        "deletionPolicy": "orphan"
        if policy == "Orphan" or (policy == "MirrorPrune" and spec.get("prune") is not True)
        else None,
        "suspend": suspended(obj, resolved),
    }
    variables = items(mapping(spec, "postBuild").get("substituteFrom"))
    needed = [
        *((str(variable.get("kind")), variable.get("name")) for variable in variables),
        ("Secret", _keys(spec).get("name")),
    ]
    resource = application(names.of(obj), context.target, given(whole), metadata=kept_metadata(obj, LABELS))
    return Conversion(
        source=obj,
        resources=(resource,),
        remarks=tuple(remarks),
        copies=tuple(dict.fromkeys((*resolved.copies, *context.copies(at, needed)))),
        mode="auto",
        settings=health_settings(spec),
    )


def account(obj: Object, context: ImportContext, remarks: list[Remark]) -> str | None:
    """The account that writes, which lies beside the Application here."""
    name, at = str(mapping(obj, "spec").get("serviceAccountName") or ""), ObjectKey.of(obj).namespace
    if not name:
        return None
    copied = context.copied_name(at, name)
    text = f"create the ServiceAccount {context.target}/{copied}, and bind to it the roles of {at}/{name}"
    remarks.append(Remark(theirs="spec.serviceAccountName", meaning=Meaning.CHANGED, note=text))
    return copied


def health_settings(spec: Object) -> Object:
    """The setting for `healthCheckExprs`, which have the same shape."""
    fields = ("apiVersion", "kind", "current", "inProgress", "failed")
    rules = [given({name: expression.get(name) for name in fields}) for expression in items(spec.get("healthCheckExprs"))]
    return {"health": {"expressions": rules}} if rules else {}


def suspended(obj: Object, resolved: ResolvedSource) -> Object | None:
    """`spec.suspend`, for an object or source that is suspended."""
    if mapping(obj, "spec").get("suspend") is True:
        return {"reason": _SUSPENDED}
    return {"reason": flux_source.SUSPENDED} if resolved.suspended else None


def ignored(raw: Iterable[Object], theirs: str, remarks: list[Remark]) -> list[Object]:
    """`spec.sync.ignoreFields` of ignored paths with a target."""
    result = []
    for entry in raw:
        target = mapping(entry, "target")
        kind, name = str(target.get("kind") or ""), str(target.get("name") or "")
        if not kind or not _PLAIN.fullmatch(kind) or (name and not _PLAIN.fullmatch(name)):
            text = "an entry without a plain kind and name is left out: write one entry for each kind"
            remarks.append(Remark(theirs=f"{theirs}.target.kind", meaning=Meaning.NONE, note=text))
            continue
        group = str(target.get("group") or "")
        paths = [str(path) for path in entry.get("paths") or () if path]
        result.append(given({"kind": f"{group}/{kind}" if group else kind, "name": name, "paths": paths}))
    return result


def _keys(spec: Object) -> Object:
    return mapping(spec, "decryption", "secretRef")


def _render(obj: Object, resolved: ResolvedSource, context: ImportContext, remarks: list[Remark]) -> Object:
    spec = mapping(obj, "spec")
    build, decryption = mapping(spec, "postBuild"), mapping(spec, "decryption")
    values = {name: str(value) for name, value in mapping(build, "substitute").items()}
    at = ObjectKey.of(obj).namespace
    sources = [
        given(
            {
                "kind": reference.get("kind"),
                "name": context.copied_name(at, str(reference.get("name"))),
                "optional": reference.get("optional"),
            }
        )
        for reference in items(build.get("substituteFrom"))
    ]
    keys = {name: context.copied_name(at, str(value)) for name, value in _keys(spec).items()}
    variables = given({"values": values, "from": sources})
    always = build.get("substituteStrategy") == "Always"
    kustomize, proved = _kustomize(spec), _has_kustomization(resolved, context)
    if proved and spec.get("targetNamespace"):
        kustomize["namespace"] = spec["targetNamespace"]
    if groups := _flux_groups(obj):
        kustomize["patches"] = [*kustomize.get("patches", ()), *map(kustomize_options.left_out, groups)]
        text = "objects of Flux in it are left out by patches: remove both when Flux is gone"
        remarks.append(Remark(theirs="spec.path", meaning=Meaning.CHANGED, note=text))
    if kustomize and proved is False:
        text = "the directory has no kustomization.yaml, which options of kustomize need: commit one"
        remarks.append(Remark(theirs="spec.path", meaning=Meaning.CHANGED, note=text))
    return given(
        {
            "kustomize": kustomize,
            "variables": {**variables, "compatibility": "flux"} if variables or always else None,
            "decryption": {"provider": "sops", **given({"secretRef": keys})} if decryption else None,
        }
    )


def _kustomize(spec: Object) -> Object:
    metadata = mapping(spec, "commonMetadata")
    patches = [kustomize_options.patch(patch) for patch in items(spec.get("patches"))]
    patches += [kustomize_options.metadata_of_all(metadata)] if metadata else []
    fields = ("name", "newName", "newTag", "digest")
    images = [given({name: image.get(name) for name in fields}) for image in items(spec.get("images"))]
    names = {name: spec.get(name) for name in ("namePrefix", "nameSuffix")}
    return given({"components": list(spec.get("components") or ()), "images": images, "patches": patches, **names})


def _flux_groups(obj: Object) -> list[str]:
    """API groups of Flux of which it declares objects."""
    return sorted({key.group for key in inventory(obj) if key.group in FLUX_GROUPS})


def _installs_flux(obj: Object, context: ImportContext) -> bool:
    key = ObjectKey.of(obj)
    if any(entry.kind == "CustomResourceDefinition" and entry.name in _CONTROLLERS for entry in inventory(obj)):
        return True
    return key.namespace == key.name == context.home


def _of_flux(key: ObjectKey, context: ImportContext) -> bool:
    """Whether an object belongs to Flux, or is imported with its kind."""
    home = context.home
    if key.kind == "CustomResourceDefinition":
        return key.name.endswith(".fluxcd.io")
    return key.group in FLUX_GROUPS or home in (key.namespace, key.name) or key.name.endswith(f"-{home}")


def _has_kustomization(resolved: ResolvedSource, context: ImportContext) -> bool | None:
    """Whether the directory is a kustomization; None where it is not read."""
    try:
        tree = context.repositories.tree(*resolved.read_from)
        path = str(resolved.source.get("path") or ".")
        return any(tree.entry(posixpath.join(path, name)) is not None for name in _FILES)
    except SourceError:
        return None
