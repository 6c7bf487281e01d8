"""Sources of an Argo CD Application, as `source` and `render` of ours.

Argo CD's sources name each other: values files written `$ref/path` come from the repository of the source with that `ref`.
A chart with such files becomes an Application of the values' repository that names the chart; a directory with values files of
its own repository names them relative to itself, and those of further repositories are values from Git.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.importer import argo_credentials, kustomize_options
from gitops_agent.importer.argo_directory import left_out
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Copy, Remark
from gitops_agent.importer.draft import given
from gitops_agent.importer.field_table import Meaning
from gitops_agent.importer.helm_parameters import place, set_parameter
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.pointer import pointer
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.yaml import load_all

_HELM = "spec.source.helm"
_KUSTOMIZE = "spec.source.kustomize"
_LATEST = "*"
_MOST_GIT_VALUES = 8


@dataclass(slots=True, kw_only=True)
class SourceDraft:
    """What one source becomes, while it is translated.

    Attributes:
        context: for look-ups.
        source: `spec.source`.
        render: `spec.render`.
        remarks: on fields whose value decides.
        copies: Secrets that the Application needs.
        values_source: the source of Argo CD with the values of a chart, which `spec.source` follows; empty for none.
    """

    context: ImportContext
    source: Object = field(default_factory=dict)
    render: Object = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    values_source: Mapping[str, Any] = field(default_factory=dict)

    def remark(self, theirs: str, note: str, meaning: Meaning = Meaning.CHANGED) -> None:
        """Adds a remark."""
        self.remarks.append(Remark(theirs=theirs, meaning=meaning, note=note))

    def git(self, raw: Mapping[str, Any], path: str) -> Object:
        """A directory of a repository, with its credentials."""
        url = str(raw.get("repoURL") or "")
        reference = self.context.repositories.reference(url, str(raw.get("targetRevision") or ""))
        if reference.doubt:
            self.remark("spec.source.targetRevision", reference.doubt)
        return given({"repoURL": url, "ref": reference.spec, "path": path, "secretRef": self.secret(url)})

    def secret(self, url: str) -> Object | None:
        """The Secret for a repository."""
        secret = argo_credentials.repository_secret(self.context.peers, url)
        if secret is None:
            return None
        metadata = secret["metadata"]
        home, name = str(metadata.get("namespace") or self.context.home), str(metadata["name"])
        self.copies += self.context.copies(home, [(SECRET.kind, name)])
        return {"name": self.context.copied_name(home, name)}


def draft(raw: Object, others: Mapping[str, Object], *, context: ImportContext) -> SourceDraft:
    """What a source with manifests becomes.

    Args:
        raw: the source.
        others: sources by their `ref`.
        context: for look-ups.
    """
    result = SourceDraft(context=context)
    files = [str(file) for file in mapping(raw, "helm").get("valueFiles") or ()]
    if raw.get("chart"):
        _chart(result, raw, others, files)
    else:
        result.source = result.git(raw, _path(raw))
    helm = _helm(result, raw, others, files)
    kustomize = _kustomize(result, mapping(raw, "kustomize"))
    if helm and kustomize:
        result.remark(_KUSTOMIZE, "a chart takes no options of kustomize", Meaning.NONE)
        kustomize = {}
    if not raw.get("chart") and not helm and not kustomize:
        remark = left_out(raw, _path(raw), context.repositories)
        result.remarks += [remark] if remark else []
    result.render |= given({"helm": helm, "kustomize": kustomize})
    return result


def _chart(result: SourceDraft, raw: Object, others: Mapping[str, Object], files: Sequence[str]) -> None:
    """A chart of a repository, with values from Git or without."""
    url = str(raw.get("repoURL") or "")
    repository = url if "://" in url else f"oci://{url}"
    chart = {"repository": repository, "name": str(raw["chart"]).rpartition("/")[2]}
    if "/" in str(raw["chart"]):
        chart["repository"] = f"{repository.rstrip('/')}/{str(raw['chart']).rpartition('/')[0]}"
    chart |= given({"version": str(raw.get("targetRevision") or _LATEST), "secretRef": result.secret(url)})
    first = next((name for file in files if (name := _ref(file)) in others), "")
    if not first:
        result.source = {"chart": chart}
        return
    result.values_source = others[first]
    paths = [_below_root(file) for file in files if _ref(file) == first]
    result.source = result.git(others[first], posixpath.dirname(paths[0]) or ".")
    result.render["helm"] = {"chart": chart}


def _helm(result: SourceDraft, raw: Object, others: Mapping[str, Object], files: Sequence[str]) -> Object:
    helm = mapping(raw, "helm")
    if not helm and not raw.get("chart") and not _is_chart(result, raw):
        return {}
    own, from_git = _values_files(result, raw, others, files)
    options = {
        **result.render.pop("helm", {}),
        "releaseName": helm.get("releaseName"),
        "valuesFiles": own,
        "valuesFrom": from_git,
        "values": _values(result, helm),
        "ignoreMissingValuesFiles": helm.get("ignoreMissingValueFiles") or None,
        "skipCRDs": helm.get("skipCrds") or None,
        "skipSchemaValidation": helm.get("skipSchemaValidation") or None,
        "kubeVersion": helm.get("kubeVersion"),
        "apiVersions": list(helm.get("apiVersions") or ()),
        "hooks": "every-sync",
    }
    if helm.get("skipSchemaValidation") is False or helm.get("passCredentials") is False:
        result.remark(f"{_HELM}.passCredentials", "false is the default", Meaning.SAME)
    return given(options)


def _is_chart(result: SourceDraft, raw: Object) -> bool:
    try:
        tree = result.context.repositories.tree(str(raw.get("repoURL") or ""), str(raw.get("targetRevision") or ""))
        return tree.entry(posixpath.join(_path(raw), "Chart.yaml")) is not None
    except SourceError:
        return False


def _values(result: SourceDraft, helm: Mapping[str, Any]) -> Object:
    values: Object = copy(mapping(helm, "valuesObject"))
    if not values and helm.get("values"):
        try:
            documents = load_all(str(helm["values"]).encode(), file=f"{_HELM}.values")
            values = dict(documents[0]) if documents and isinstance(documents[0], dict) else {}
        except RenderError as error:
            result.remark(f"{_HELM}.values", f"is not read: {error}", Meaning.NONE)
    for parameter in items(helm.get("parameters")):
        name = str(parameter.get("name") or "")
        try:
            if set_parameter(
                values, name, str(parameter.get("value") or ""), force_string=parameter.get("forceString") is True
            ):
                result.remark(f"{_HELM}.parameters", f"{name}: the list replaces that of a values file")
        except ValueError as error:
            result.remark(f"{_HELM}.parameters", str(error), Meaning.NONE)
    return values


def _values_files(
    result: SourceDraft, raw: Object, others: Mapping[str, Object], files: Sequence[str]
) -> tuple[list[str], list[Object]]:
    """Files of the own repository, and those of others.

    What comes after a file of another repository wins over it in Argo CD, so from there on all are values from Git.
    """
    base, own_source = str(result.source.get("path") or "."), result.values_source or raw
    own: list[str] = []
    from_git: list[Object] = []
    for file in files:
        name = _ref(file)
        if "://" in file or (name and name not in others):
            reason = "is fetched from an address" if "://" in file else "names no source"
            result.remark(f"{_HELM}.valueFiles", f"{file} {reason}: commit it", Meaning.NONE)
        elif not name and raw.get("chart"):
            note = f"{file} lies in the chart: copy it beside the other values"
            own += [] if result.source.get("repoURL") else [file.lstrip("/")]
            if result.source.get("repoURL"):
                result.remark(f"{_HELM}.valueFiles", note, Meaning.NONE)
        else:
            repository, path = _located(raw, others, file)
            if from_git or not _same_commit(repository, own_source):
                from_git.append({"kind": "Git", **result.git(repository, path)})
            else:
                own.append(posixpath.relpath(path, base))
    for parameter in items(mapping(raw, "helm").get("fileParameters")):
        from_git += _file_parameter(result, raw, others, parameter)
    if len(from_git) > _MOST_GIT_VALUES:
        note = f"{len(from_git)} files are too many: put their values into fewer files"
        result.remark(f"{_HELM}.valueFiles", note, Meaning.NONE)
    missing = {"optional": True} if mapping(raw, "helm").get("ignoreMissingValueFiles") else {}
    return own, [{**source, **missing} if "targetPath" not in source else source for source in from_git[:_MOST_GIT_VALUES]]


def _file_parameter(
    result: SourceDraft, raw: Object, others: Mapping[str, Object], parameter: Mapping[str, Any]
) -> list[Object]:
    """A file whose text is one value."""
    field_, file = f"{_HELM}.fileParameters", str(parameter.get("path") or "")
    try:
        steps = place(str(parameter.get("name") or ""))
    except ValueError as error:
        result.remark(field_, str(error), Meaning.NONE)
        return []
    if "://" in file or (_ref(file) and _ref(file) not in others) or (raw.get("chart") and not _ref(file)):
        result.remark(field_, f"{file} lies in no repository of Git here: put its content into a values file", Meaning.NONE)
        return []
    repository, path = _located(raw, others, file)
    return [{"kind": "Git", **result.git(repository, path), "targetPath": pointer(*map(str, steps))}]


def _located(raw: Object, others: Mapping[str, Object], file: str) -> tuple[Mapping[str, Any], str]:
    """The source with a file, and its path below the root."""
    if _ref(file):
        return others[_ref(file)], _below_root(file)
    return raw, posixpath.normpath(file.lstrip("/") if file.startswith("/") else posixpath.join(_path(raw), file))


def _kustomize(result: SourceDraft, raw: Object) -> Object:
    images, patches = [], [kustomize_options.patch(patch) for patch in items(raw.get("patches"))]
    for text in raw.get("images") or ():
        try:
            images.append(kustomize_options.image(str(text)))
        except ValueError as error:
            result.remark(f"{_KUSTOMIZE}.images", str(error), Meaning.NONE)
    patches += [
        kustomize_options.replicas(str(replica.get("name")), replica.get("count")) for replica in items(raw.get("replicas"))
    ]
    metadata = given({"labels": mapping(raw, "commonLabels"), "annotations": mapping(raw, "commonAnnotations")})
    if metadata:
        patches.append(kustomize_options.metadata_of_all(metadata))
    names = {name: raw.get(name) for name in ("namespace", "namePrefix", "nameSuffix")}
    return given({"images": images, "components": list(raw.get("components") or ()), "patches": patches, **names})


def _path(raw: Mapping[str, Any]) -> str:
    return posixpath.normpath(str(raw.get("path") or ".").lstrip("/") or ".")


def _ref(file: str) -> str:
    """The name in `$name/path`."""
    return file[1:].partition("/")[0] if file.startswith("$") else ""


def _below_root(file: str) -> str:
    return posixpath.normpath(file.partition("/")[2])


def _same_commit(source: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    names = ("repoURL", "targetRevision")
    return all((source.get(name) or "") == (other.get(name) or "") for name in names)
