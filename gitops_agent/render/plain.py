"""A directory of manifests, or a single file.

Every `.yaml`, `.yml` and `.json` below the directory is read, in the order of the paths. Subdirectories are included, as Flux
does: a file that is silently left out because it lies one directory deeper is the worse surprise. Hidden files and directories
are no manifests, and a kustomization that lies among them is not applied to anything, so it is skipped with a warning.
"""

from __future__ import annotations

import posixpath

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import Documents, refusal
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.manifest.yaml import DEFAULT_LIMITS, read
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.objects import Objects
from gitops_agent.render.template_code import code_of
from gitops_agent.revision.tree import Entry, EntryType

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SUFFIXES = (".yaml", ".yml", ".json")
_JSONNET = ".jsonnet"
_SHOWN = 3


def render_plain(inputs: Inputs, entry: Entry, objects: Objects) -> None:
    """Adds the objects of a directory or file.

    Raises:
        RenderError: reason `InvalidManifest` with file and line, or a chart lies among the files.
    """
    if entry.type is EntryType.FILE:
        _add(inputs, entry.path, objects)
        return
    read, jsonnet = False, []
    for file in inputs.folder(entry.path):
        below = posixpath.relpath(file.path, entry.path or ".")
        if any(part.startswith(".") for part in below.split("/")):
            continue
        name = posixpath.basename(file.path)
        if name in KUSTOMIZATIONS:
            read = True
            objects.warnings.append(
                f"{file.path}: a kustomization below a plain directory is not applied; its files are read one by one"
            )
        elif name == "Chart.yaml":
            chart = posixpath.dirname(file.path)
            text = f"{chart} is a Helm chart below a plain directory; make it an application of its own"
            raise RenderError(text, reason="RenderFailed", file=file.path)
        elif name.endswith(SUFFIXES):
            read = True
            _add(inputs, file.path, objects)
        elif name.endswith(_JSONNET):
            jsonnet.append(file.path)
    if jsonnet:
        more = f" and {len(jsonnet) - _SHOWN} more" * (len(jsonnet) > _SHOWN)
        objects.warnings.append(f"{', '.join(jsonnet[:_SHOWN])}{more}: Jsonnet is not rendered; commit what it generates")
    elif not read:
        suffixes = ", ".join(SUFFIXES[:-1])
        text = f"{entry.path or 'the root of the repository'} holds no manifest"
        objects.warnings.append(f"{text}: only files whose names end in {suffixes} or {SUFFIXES[-1]} are read")


def _add(inputs: Inputs, path: str, objects: Objects) -> None:
    documents = documents_of(inputs, path)
    objects.warnings.extend(documents.warnings)
    for document in documents.documents:
        objects.add(document, file=path)


def documents_of(inputs: Inputs, path: str) -> Documents:
    """What a YAML or JSON file says."""
    data = inputs.read(path)
    limits = inputs.bounded(DEFAULT_LIMITS)
    try:
        return read_json(data, file=path, limits=limits) if path.endswith(".json") else read(data, file=path, limits=limits)
    except RenderError as error:
        if not _is_template(data):
            raise
        folder = posixpath.dirname(path) or "the repository's root"
        raise refusal(
            f"looks like a Helm template, but there is no Chart.yaml to render it with: {folder} is read as plain manifests, "
            "so name the directory of the chart in spec.source.path",
            file=path,
            line=error.facts.get("line"),
        ) from None


def _is_template(data: bytes) -> bool:
    """Whether a file holds the code of Helm templates."""
    code = code_of(data.decode("utf-8", "replace"))
    return any(sign in code for sign in (".Values", ".Release", ".Chart", ".Capabilities", "include", "define", "template"))
