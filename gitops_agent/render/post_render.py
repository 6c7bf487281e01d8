"""Patches, images and names over what a chart renders.

The objects of the chart are written into one file that a kustomization names, and kustomize prints them changed. A mark on each
object says which one it was, because kustomize keeps neither their order nor the comments that name their templates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitops_agent.api.helm_values import PostRender
from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import PREFIX
from gitops_agent.manifest.yaml import dump, dump_all, read
from gitops_agent.render.kustomize import patch_entry
from gitops_agent.render.objects import Objects
from gitops_agent.render.patches import failed, missed, patches_of
from gitops_agent.render.tool import Job

FIELD = "spec.render.helm.postRender.kustomize"
_MARK = f"{PREFIX}rendered-as"
_FILE = "chart.yaml"


def post_render(job: Job, options: PostRender, objects: Objects, *, folder: str) -> None:
    """Replaces rendered objects by those that kustomize makes of them.

    Args:
        job: runs kustomize.
        options: what is changed.
        objects: of the chart.
        folder: a new one for this run.

    Raises:
        RenderError: a patch does not apply, or kustomize takes the objects for no set.
    """
    if job.post_renderer is None or not objects.manifests:
        return
    overlay: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [_FILE],
        "images": [image.model_dump(mode="json", by_alias=True, exclude_none=True) for image in options.kustomize.images],
        "patches": [patch_entry(patch, job.inputs, job.path, field=FIELD) for patch in options.kustomize.patches],
        **options.kustomize.model_dump(by_alias=True, exclude_none=True, include={"namespace", "name_prefix", "name_suffix"}),
    }
    patches = tuple(patches_of(FIELD, job.path, overlay, job.inputs))
    target = job.workspace.root / folder
    target.mkdir(mode=0o700)
    before = objects.manifests
    marked = [_marked(manifest.obj, str(number)) for number, manifest in enumerate(before)]
    (target / _FILE).write_text(dump_all(marked), encoding="utf-8")
    (target / "kustomization.yaml").write_text(dump(overlay), encoding="utf-8")
    try:
        done = replace(job, binary=job.post_renderer).run("build", str(target), "--load-restrictor", "LoadRestrictionsRootOnly")
    except RenderError as error:
        places = " or ".join(map(str, failed(error.message, patches))) or FIELD
        raise RenderError(f"{places}: {error.message}", reason=error.reason, **error.facts) from None
    limits = job.inputs.bounded(YamlLimits(bytes=job.limits.output_bytes))
    after = []
    for document in read(done.stdout, file=FIELD, limits=limits).documents:
        obj, number = _unmarked(document.value)
        origin = before[int(number)] if number.isdecimal() and int(number) < len(before) else None
        file = origin.file if origin is not None else FIELD
        after.append(Manifest.of(obj, file=file, document=origin.document if origin is not None else document.index))
    objects.manifests = after
    objects.warnings += [
        f"{patch}: no object of the chart matches its target, so it changes nothing" for patch in missed(patches, before)
    ]


def _marked(obj: Object, number: str) -> Object:
    metadata = obj.get("metadata") or {}
    return {**obj, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), _MARK: number}}}


def _unmarked(obj: Object) -> tuple[Object, str]:
    """The object without its mark, and the mark; empty without one."""
    metadata = dict(obj.get("metadata") or {})
    annotations = dict(metadata.pop("annotations", None) or {})
    number = str(annotations.pop(_MARK, ""))
    return {**obj, "metadata": metadata | ({"annotations": annotations} if annotations else {})}, number
