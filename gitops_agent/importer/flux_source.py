"""Flux's sources, as the source of an Application.

A Kustomization or HelmRelease names a source by reference; here its fields stand in the Application. An ArtifactGenerator
copies directories of a repository into artifacts: a path of such an artifact is a path of the repository again.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Copy, Remark
from gitops_agent.importer.draft import given
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.flux_identities import identities
from gitops_agent.importer.repositories import by_full_name
from gitops_agent.importer.tables.kinds import (
    ARTIFACT_GENERATOR,
    EXTERNAL_ARTIFACT,
    GIT_REPOSITORY,
    HELM_CHART,
    HELM_REPOSITORY,
    OCI_REPOSITORY,
    SOURCES,
)
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.reading import items, mapping

_VERIFY = {"head": "head", "tag": "tag", "tagandhead": "tagAndHead"}
_PRECEDENCE = ("commit", "name", "semver", "tag", "branch")
_DEFAULT_BRANCH = "master"
_ANY_VERSION = "*"
_COSIGN = "cosign"
SUSPENDED = "its source was suspended in Flux when it was imported"


@dataclass(slots=True, kw_only=True)
class ResolvedSource:
    """Where manifests or a chart come from.

    Attributes:
        source: `spec.source`; empty when there is no equivalent.
        interval: of polling; empty for the default.
        suspended: whether the source is.
        remarks: on the reference.
        copies: Secrets that the Application needs.
        read_from: the address and revision of the repository; empty for charts.
    """

    source: Object = field(default_factory=dict)
    interval: str = ""
    suspended: bool = False
    remarks: list[Remark] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    read_from: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReference:
    """A reference to a source, and who holds it.

    Attributes:
        raw: `sourceRef` or `chartRef`.
        theirs: its field.
        owner_namespace: of the object that holds it.
    """

    raw: Object
    theirs: str
    owner_namespace: str

    @property
    def at(self) -> str:
        """The namespace of the source."""
        return str(self.raw.get("namespace") or self.owner_namespace)

    @property
    def kind(self) -> GroupKind:
        """The kind of the source."""
        return GroupKind(SOURCES, str(self.raw.get("kind") or ""))

    @property
    def name(self) -> str:
        """The name of the source."""
        return str(self.raw.get("name") or "")

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.at}/{self.name}"


def directory(reference: SourceReference, path: str, context: ImportContext) -> ResolvedSource:
    """A directory of a source of manifests."""
    path = posixpath.normpath(path.lstrip("/") or ".")
    if reference.kind == GIT_REPOSITORY:
        return _git(reference, path, context)
    if reference.kind == EXTERNAL_ARTIFACT:
        return _artifact(reference, path, context)
    return _missing(reference, "commit the manifests to a Git repository")


def chart(reference: SourceReference, raw: Object, context: ImportContext) -> ResolvedSource:
    """A chart of a source: `raw` has its name, version and interval."""
    if reference.kind in (GIT_REPOSITORY, EXTERNAL_ARTIFACT):
        return directory(reference, str(raw.get("chart") or "."), context)
    if reference.kind == HELM_REPOSITORY:
        return _chart_of_repository(reference, raw, context)
    return _missing(reference, "commit the chart to a Git repository")


def chart_by_reference(reference: SourceReference, context: ImportContext) -> tuple[ResolvedSource, Object]:
    """A chart that `chartRef` names, and the fields of its HelmChart."""
    obj = context.peers.get(reference.kind, reference.at, reference.name)
    if obj is None:
        return _missing(reference, "it was not read"), {}
    spec = mapping(obj, "spec")
    if reference.kind == HELM_CHART:
        inner = SourceReference(
            raw={**mapping(spec, "sourceRef"), "namespace": reference.at},
            theirs=reference.theirs,
            owner_namespace=reference.at,
        )
        return chart(inner, spec, context), spec
    if reference.kind == OCI_REPOSITORY:
        return _chart_in_registry(reference, spec, context), {}
    return _missing(reference, "commit the chart to a Git repository"), {}


def _git(reference: SourceReference, path: str, context: ImportContext) -> ResolvedSource:
    obj = context.peers.get(reference.kind, reference.at, reference.name)
    if obj is None:
        return _missing(reference, "it was not read")
    spec, result = mapping(obj, "spec"), ResolvedSource()
    ref, doubt = _ref(mapping(spec, "ref"))
    if doubt:
        result.remarks.append(Remark(theirs=reference.theirs, meaning=Meaning.NONE, note=doubt))
    verify = mapping(spec, "verify")
    mode = _VERIFY.get(str(verify.get("mode") or "head").lower()) if verify else None
    url = str(spec.get("url") or "")
    result.source = given(
        {
            "repoURL": url,
            "ref": ref,
            "path": path,
            "secretRef": _secret(result, mapping(spec, "secretRef"), reference, context),
            "verify": given({"mode": mode, "secretRef": _secret(result, mapping(verify, "secretRef"), reference, context)}),
        }
    )
    result.interval, result.suspended = str(spec.get("interval") or ""), spec.get("suspend") is True
    result.read_from = (url, next(iter(ref.values()), ""))
    return result


def _ref(raw: Object) -> tuple[Object, str]:
    name = next((name for name in _PRECEDENCE if raw.get(name)), "")
    if not name:
        return {"branch": _DEFAULT_BRANCH}, ""
    if name == "name":
        reference = by_full_name(str(raw["name"]))
        return reference.spec, reference.doubt
    return {name: str(raw[name])}, ""


def _artifact(reference: SourceReference, path: str, context: ImportContext) -> ResolvedSource:
    """A directory of an artifact: the directory it is copied from."""
    for generator in context.peers.of_kind(ARTIFACT_GENERATOR):
        namespace = str(generator["metadata"].get("namespace") or "")
        aliases = {str(source.get("alias")): source for source in items(mapping(generator, "spec").get("sources"))}
        for artifact in items(mapping(generator, "spec").get("artifacts")):
            if namespace != reference.at or artifact.get("name") != reference.name:
                continue
            alias, origin = _copied_from(items(artifact.get("copy")), path)
            if alias in aliases:
                inner = SourceReference(raw=aliases[alias], theirs=reference.theirs, owner_namespace=namespace)
                result = directory(inner, origin, context)
                if not result.source:
                    return result
                text = f"{path} of the artifact is {origin} of {inner}"
                result.remarks.append(Remark(theirs=reference.theirs, meaning=Meaning.CHANGED, note=text))
                return result
    return _missing(reference, "no ArtifactGenerator that was read copies this directory whole")


def _copied_from(copies: list[Object], path: str) -> tuple[str, str]:
    """The alias and directory that an artifact's directory is copied from."""
    best: tuple[int, str, str] = (-1, "", "")
    for operation in copies:
        source, target = str(operation.get("from") or ""), str(operation.get("to") or "")
        alias, _, origin = source.removeprefix("@").partition("/")
        base = posixpath.normpath(target.removeprefix("@artifact").strip("/") or ".")
        below = posixpath.relpath(path, base)
        if source.startswith("@") and origin.endswith("**") and below.split("/")[0] != ".." and len(base) > best[0]:
            whole = posixpath.normpath(posixpath.join(origin.removesuffix("**") or ".", below))
            best = (len(base) if base != "." else 0, alias, whole)
    return best[1], best[2]


def _chart_of_repository(reference: SourceReference, raw: Object, context: ImportContext) -> ResolvedSource:
    obj = context.peers.get(reference.kind, reference.at, reference.name)
    if obj is None:
        return _missing(reference, "it was not read")
    spec, result = mapping(obj, "spec"), ResolvedSource()
    fields = {
        "repository": spec.get("url"),
        "name": raw.get("chart"),
        "version": str(raw.get("version") or _ANY_VERSION),
        "interval": raw.get("interval") or spec.get("interval"),
        "secretRef": _secret(result, mapping(spec, "secretRef"), reference, context),
        "verify": _verify(result, mapping(raw, "verify"), reference, context),
    }
    result.source, result.suspended = {"chart": given(fields)}, spec.get("suspend") is True
    return result


def _chart_in_registry(reference: SourceReference, spec: Object, context: ImportContext) -> ResolvedSource:
    result, ref = ResolvedSource(), mapping(spec, "ref")
    repository, _, name = str(spec.get("url") or "").rstrip("/").rpartition("/")
    fields = {
        "repository": repository,
        "name": name,
        "version": str(ref.get("semver") or ref.get("tag") or _ANY_VERSION),
        "interval": spec.get("interval"),
        "secretRef": _secret(result, mapping(spec, "secretRef"), reference, context),
        "verify": _verify(result, mapping(spec, "verify"), reference, context),
    }
    result.source, result.suspended = {"chart": given(fields)}, spec.get("suspend") is True
    return result


def _verify(result: ResolvedSource, raw: Object, reference: SourceReference, context: ImportContext) -> Object | None:
    """The signatures demanded of a chart: those of cosign."""
    if not raw:
        return None
    cosign = raw.get("provider", _COSIGN) == _COSIGN
    keys = _secret(result, mapping(raw, "secretRef"), reference, context) if cosign else None
    if keys is not None:
        return {_COSIGN: {"keys": {"secretRef": keys}}}
    signers = identities(raw) if cosign else None
    if signers is None:
        text = f"{reference}: signatures are not verified, because only keys of cosign and identities are read: name them"
        result.remarks.append(Remark(theirs=reference.theirs, meaning=Meaning.CHANGED, note=text))
        return None
    root = _secret(result, mapping(raw, "trustedRootSecretRef"), reference, context)
    text = f"{reference}: identities are compared as a whole, and no longer by regular expressions: read them once"
    result.remarks.append(Remark(theirs=reference.theirs, meaning=Meaning.CHANGED, note=text))
    return {_COSIGN: given({"identities": signers, "trustedRoot": {"secretRef": root} if root is not None else None})}


def _secret(result: ResolvedSource, raw: Object, reference: SourceReference, context: ImportContext) -> Object | None:
    """A Secret of the source, needed beside the Application."""
    name: Any = raw.get("name")
    if not name:
        return None
    result.copies += context.copies(reference.at, [(SECRET.kind, name)])
    return {"name": context.copied_name(reference.at, str(name))}


def _missing(reference: SourceReference, why: str) -> ResolvedSource:
    return ResolvedSource(remarks=[Remark(theirs=reference.theirs, meaning=Meaning.NONE, note=f"{reference}: {why}")])
