"""Entry point of rendering: from a request and tree to objects.

The format is what the files say unless the options say it: `kustomization.yaml`, then `Chart.yaml`, then plain YAML. The tool
runs over copies of the files of the closure and nothing else.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Mapping
from pathlib import Path

from gitops_agent.api.helm_values import ValuesKind
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.canonical import digest
from gitops_agent.render.binaries import find
from gitops_agent.render.disk_cache import digest_of
from gitops_agent.render.helm import render_helm
from gitops_agent.render.helm_values import name_of
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.kustomize import render_kustomize
from gitops_agent.render.objects import Objects
from gitops_agent.render.paths import join, root
from gitops_agent.render.plain import KUSTOMIZATIONS, SUFFIXES, render_plain
from gitops_agent.render.request import Failure, Format, KubeFacts, Rendered, RenderLimits, RenderRequest
from gitops_agent.render.scratch import workspace
from gitops_agent.render.tool import Job, Workspace
from gitops_agent.render.tool_versions import ToolVersions
from gitops_agent.render.variables.substitution import Substitution
from gitops_agent.render.variables.variable import NAME
from gitops_agent.revision.mounted_tree import readable
from gitops_agent.revision.tree import Entry, EntryType, Tree

__all__ = ["Failure", "Format", "KubeFacts", "RenderLimits", "RenderRequest", "Rendered", "Renderer"]

_WARNINGS = 50
_OVER_ALL_INPUTS = ("exit", "timeout", "output", "memory")
"""How a program ends that had all of its inputs."""

_PASSING = ("timeout", "start", "cancelled")
"""What may end in another way on a machine that is less busy."""


class Renderer:
    """Renders; safe to use from several threads.

    Args:
        scratch: a folder for copies of files; made when absent, emptied after every render.
        limits: what one render may use.
        helm: the program, found by itself when None.
        kustomize: likewise.
    """

    def __init__(
        self,
        *,
        scratch: Path,
        limits: RenderLimits | None = None,
        helm: Path | None = None,
        kustomize: Path | None = None,
    ) -> None:
        self._scratch = scratch
        self._limits = limits or RenderLimits()
        self._explicit = {"helm": helm, "kustomize": kustomize}
        self._versions = ToolVersions(self._explicit)

    def attempt(self, tree: Tree, request: RenderRequest, *, cancel: threading.Event | None = None) -> Rendered | Failure:
        """The objects at the request's path, or the failure, with its closure.

        It is a RenderError where the files do not render, and a SourceError where one cannot be read: too large, an LFS
        pointer, a link that is broken or escapes.

        Args:
            tree: one commit.
            request: what to render of it.
            cancel: ends the render early when set.
        """
        inputs = Inputs(tree, self._limits)
        substitution = _substitution(request, self._limits)
        try:
            return self._render(inputs, request, substitution, cancel)
        except (RenderError, SourceError) as error:
            # Before the program runs, what was not asked for yet may be what is wrong.
            cause = error.facts.get("cause")
            final = (
                cause in _OVER_ALL_INPUTS or "returncode" in error.facts or (substitution is not None and substitution.begun)
            )
            passing = error.transient or cause in _PASSING
            text = readable(error.message)
            if text != error.message:
                error = type(error)(text, reason=error.reason, transient=error.transient, **error.facts)
            used = _used(request, substitution)
            return Failure(error=error, closure=inputs.closure if final else None, passing=passing, variables=used)

    def _render(
        self, inputs: Inputs, request: RenderRequest, substitution: Substitution | None, cancel: threading.Event | None
    ) -> Rendered:
        entry, form = _detect(inputs, request)
        renames = substitution is not None and substitution.renames
        objects = Objects(limit=self._limits.objects, replaces=substitution is not None, renames=renames)
        tools: tuple[tuple[str, str], ...] = ()
        if form is Format.PLAIN:
            render_plain(inputs, entry, objects)
        else:
            binary = find(form.value, self._explicit[form.value])
            tools = ((form.value, binary.version),)
            helm = request.options.helm if request.options and form is Format.HELM else None
            post_renderer = None
            if helm is not None and helm.post_render is not None:
                post_renderer = find("kustomize", self._explicit["kustomize"])
                tools += (("kustomize", post_renderer.version),)
            with workspace(self._scratch) as folder:
                job = Job(
                    binary=binary,
                    inputs=inputs,
                    path=entry.path,
                    request=request,
                    workspace=Workspace(root=folder),
                    limits=self._limits,
                    objects=objects,
                    cancel=cancel,
                    post_renderer=post_renderer,
                )
                (render_kustomize if form is Format.KUSTOMIZE else render_helm)(job)
        manifests = tuple(objects.manifests)
        if substitution is not None:
            manifests = substitution.replaced(manifests)
            objects.warnings += substitution.warnings
        return Rendered(
            manifests=manifests,
            closure=inputs.closure,
            warnings=tuple(dict.fromkeys(objects.warnings))[:_WARNINGS],
            format=form,
            tools=tools,
            digest=digest_of(manifests),
            variables=_used(request, substitution),
        )

    def key(self, request: RenderRequest) -> str:
        """See `content_key`."""
        return content_key(request, self._versions.now())


def content_key(request: RenderRequest, tools: Mapping[str, str]) -> str:
    """Hash of all inputs but the files and the values of variables.

    With the closure and the values that were used it is the render's content key.
    """
    options = request.options.model_dump(mode="json", exclude={"variables": {"values", "sources"}}) if request.options else None
    return digest(
        {
            "application": [*request.application],
            "path": request.path,
            "namespace": request.namespace,
            "options": options,
            "facts": [request.facts.version, *request.facts.api_versions],
            "tools": {name: tools[name] for name in sorted(tools)},
        }
    )


def _substitution(request: RenderRequest, limits: RenderLimits) -> Substitution | None:
    options = request.options.variables if request.options else None
    variables = [variable for variable in request.variables if NAME.fullmatch(variable.name)]
    return Substitution(options, variables, limit=limits.output_bytes) if options is not None else None


def _used(request: RenderRequest, substitution: Substitution | None) -> tuple[str, ...]:
    """The variables that were looked up, and the chart's values."""
    helm = request.options.helm if request.options else None
    sources = helm.values_from if helm else ()
    values = [name_of(index) for index, source in enumerate(sources) if source.kind is not ValuesKind.GIT]
    return (*(substitution.used if substitution else ()), *values)


def _detect(inputs: Inputs, request: RenderRequest) -> tuple[Entry, Format]:
    """What is at the path, after links.

    Raises:
        RenderError: reason `PathNotFound`, or the options speak of another format.
    """
    path = root(request.path)
    entry = inputs.locate(path)
    shown = path or "the repository's root"
    if entry is None:
        raise RenderError(f"{shown} is not in the revision{inputs.hint(path)}", reason="PathNotFound", path=path)
    options = request.options
    requested = None
    if options is not None and (options.helm or options.kustomize):
        requested = Format.HELM if options.helm else Format.KUSTOMIZE
    if options is not None and options.helm is not None and options.helm.chart is not None:
        if entry.type is EntryType.FILE:
            raise RenderError(f"spec.render.helm.chart is set, but {entry.path} is a file: name its directory", path=path)
        return entry, Format.HELM
    if entry.type is EntryType.FILE:
        _check_file(inputs, entry, requested)
        return entry, Format.PLAIN
    # Every name is looked up, so that one that appears later ends the closure.
    kustomizations = [name for name in KUSTOMIZATIONS if inputs.locate(join(entry.path, name)) is not None]
    detected = Format.KUSTOMIZE if kustomizations else Format.PLAIN
    if requested is Format.HELM or not kustomizations:
        chart = inputs.locate(join(entry.path, "Chart.yaml"))
        if chart is not None:
            detected = Format.HELM
    if requested is not None and requested is not detected:
        needed = "Chart.yaml" if requested is Format.HELM else "kustomization.yaml"
        text = f"spec.render.{requested.value} is set, but there is no {needed} in {shown}"
        raise RenderError(text, reason="RenderFailed", path=path)
    return entry, detected


def _check_file(inputs: Inputs, entry: Entry, requested: Format | None) -> None:
    name = posixpath.basename(entry.path)
    if requested is not None:
        raise RenderError(f"spec.render.{requested.value} is set, but {entry.path} is a file", path=entry.path)
    if name in (*KUSTOMIZATIONS, "Chart.yaml"):
        folder = posixpath.dirname(entry.path) or "the repository's root"
        raise RenderError(f"{entry.path} is not rendered by itself: name its directory, {folder}", path=entry.path)
    if not name.endswith(SUFFIXES):
        raise RenderError(f"{entry.path} is neither YAML nor JSON", path=entry.path)
    inputs.file(entry.path)
