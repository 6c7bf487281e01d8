"""Renders a kustomization from the files of its graph only.

What the Application lays over it (components, images, patches) is written into a kustomization beside the user's files.
"""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

from gitops_agent.api.helm_values import Exposure
from gitops_agent.api.kustomize_changes import Patch
from gitops_agent.api.render_options import KustomizeOptions
from gitops_agent.errors import RenderError, did_you_mean
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.yaml import dump, read
from gitops_agent.render.graph import Graph
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.kustomization import FIELDS
from gitops_agent.render.patches import PatchUse, failed, patches_of, unmatched
from gitops_agent.render.paths import join
from gitops_agent.render.tool import Job, Workspace
from gitops_agent.revision.tree import EntryType

_SPEC = "spec.render.kustomize"
_PATCH_BYTES = 1024 * 1024
_PLACES = 3
_LEVEL = "recursed accumulation of path '"
"""Ends what kustomize puts before the error of a base, once a level."""
_OUTSIDE = re.compile(r"security; file '([^']{1,400})' is not in or below '([^']{1,400})'")
_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]{1,60})"')


def render_kustomize(job: Job) -> None:
    """Adds the objects of the kustomization in a directory.

    Raises:
        RenderError: something it names is absent, remote or refused, or kustomize says no.
    """
    workspace, objects = job.workspace, job.objects
    graph = Graph(job.inputs, depth=job.limits.depth)
    file = graph.visit(job.path)
    target = workspace.at(job.path)
    options = job.request.options.kustomize if job.request.options else None
    laid_over: tuple[PatchUse, ...] = ()
    if options is not None and options.laid_over:
        overlay = _overlay(options, job.inputs, graph, job.path, workspace)
        laid_over = tuple(patches_of(_SPEC, job.path, overlay, job.inputs))
        target = workspace.root / "overlay"
        target.mkdir()
        (target / "kustomization.yaml").write_text(dump(overlay), encoding="utf-8")
    graph.materialise(workspace.tree)
    _check_exposure(job, graph)
    try:
        done = job.run("build", str(target), "--load-restrictor", "LoadRestrictionsRootOnly")
    except RenderError as error:
        raise _placed(error, file, graph) from None
    objects.warnings += job.masked(
        line.removeprefix("#").strip() for line in done.stderr.splitlines() if line.startswith("# Warning:")
    )
    limits = job.inputs.bounded(YamlLimits(bytes=job.limits.output_bytes))
    documents = read(done.stdout, file=file, limits=limits)
    objects.warnings += documents.warnings
    for document in documents.documents:
        objects.add(document, file=file)
    objects.warnings += unmatched((*graph.patches(), *laid_over), objects.manifests, job.inputs)


def _check_exposure(job: Job, graph: Graph) -> None:
    """Refuses ConfigMaps that are generated from decrypted files."""
    exposed = graph.exposed(job.inputs.decrypted)
    options = job.request.options
    if exposed and options is not None and options.decryption is not None:
        text = f"{exposed} is encrypted, and a ConfigMap would show its plaintext: use secretGenerator"
        if options.decryption.exposure is Exposure.REFUSE:
            raise RenderError(text, reason="SecretExposed")
        job.objects.warnings.append(text)


def _placed(error: RenderError, file: str, graph: Graph) -> RenderError:
    """The error, located at the kustomization or at its patch.

    kustomize itself often names no file at all.
    """
    message = graph.readable(error.message)
    if message.startswith("accumulating resources: ") and _LEVEL in message:
        message = message.rpartition(_LEVEL)[2].partition("': ")[2] or message
    if outside := _OUTSIDE.search(message):
        linked = outside[1].startswith(f"{outside[2]}/")
        text = f"{outside[1]} {'leads' if linked else 'lies'} outside {outside[2]}, and kustomize reads no such files"
        message = f"{text}: make a directory with a kustomization of its own of it, and name that"
    if patches := failed(message, graph.patches()):
        places = " or ".join(str(patch) for patch in patches[:_PLACES])
        return RenderError(f"{places}: {message}", reason=error.reason, **{**error.facts, "file": file})
    if field := _UNKNOWN_FIELD.search(message):
        message += did_you_mean(difflib.get_close_matches(field[1], FIELDS, n=1))
    if file in message:
        return RenderError(message, reason=error.reason, **error.facts)
    return RenderError(f"{file}: {message}", reason=error.reason, **{**error.facts, "file": file})


def _overlay(options: KustomizeOptions, inputs: Inputs, graph: Graph, path: str, workspace: Workspace) -> dict[str, Any]:
    """The kustomization over the user's own."""

    def relative(path: str) -> str:
        return os.path.relpath(workspace.at(path), workspace.root / "overlay")

    components = []
    for component in options.components:
        entry = inputs.locate(join(path, component, named_in=f"{_SPEC}.components"))
        if entry is None or entry.type is not EntryType.DIRECTORY:
            text = f"{_SPEC}.components: {component} is not a directory of the revision"
            raise RenderError(text, reason="FileNotFound", field=f"{_SPEC}.components")
        graph.visit(entry.path)
        components.append(relative(entry.path))
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative(path)],
        "components": components,
        "images": [image.model_dump(mode="json", by_alias=True, exclude_none=True) for image in options.images],
        "patches": [patch_entry(patch, inputs, path, field=_SPEC) for patch in options.patches],
        **options.model_dump(by_alias=True, exclude_none=True, include={"namespace", "name_prefix", "name_suffix"}),
    }


def patch_entry(patch: Patch, inputs: Inputs, path: str, *, field: str) -> dict[str, Any]:
    """A patch of the spec as an entry of a kustomization.

    Args:
        patch: of the spec.
        inputs: of the render.
        path: which its file is relative to.
        field: of the spec, that holds the patches.

    Raises:
        RenderError: its file is not there.
    """
    text = patch.patch
    if text is None:
        entry = inputs.locate(join(path, patch.path or "", named_in=f"{field}.patches"))
        if entry is None or entry.type is not EntryType.FILE:
            problem = f"{field}.patches: {patch.path} is not a file of the revision"
            raise RenderError(problem, reason="FileNotFound", field=f"{field}.patches")
        text = inputs.read(entry.path, limit=_PATCH_BYTES).decode("utf-8", "replace")
    result: dict[str, Any] = {"patch": text}
    if patch.target is not None:
        result["target"] = patch.target.model_dump(mode="json", by_alias=True, exclude_none=True)
    return result
