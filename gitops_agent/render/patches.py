"""Which patch of a kustomization does not apply, or matches nothing.

kustomize says that an operation failed, but neither in which of the patches nor for which target; and a patch whose target
matches nothing it skips without a word, so that a misspelt name looks like success. Both are looked up here, in the
kustomizations that were walked. A target may hold regular expressions of its author; only plain ones are judged, and whatever
might match does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.yaml import read
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.paths import join
from gitops_agent.render.plain import KUSTOMIZATIONS

_LIMITS = YamlLimits(bytes=1024 * 1024, documents=1000, nodes=200_000)
_PLAIN = re.compile(r"[A-Za-z0-9.-]*")
_POINTER = re.compile(r"(?:missing path: \"?|testing value |for path: ')(/[^\s\"':]+)")
_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchUse:
    """A patch where it is used.

    Attributes:
        place: its file and field, such as `prod/kustomization.yaml: patches[0]`.
        target: the objects it is for; empty when the patch itself says so.
        body: the patch, parsed; None when it cannot be read.
    """

    place: str
    target: Mapping[str, Any]
    body: Any

    def __str__(self) -> str:
        words = " ".join(str(self.target[name])[:100] for name in ("kind", "name") if self.target.get(name))
        return f"{self.place} (target {words})" if words else self.place


def patches_of(file: str, folder: str, kustomization: Object, inputs: Inputs) -> Iterator[PatchUse]:
    """The patches of one kustomization that name a target.

    Args:
        file: of the kustomization, for places.
        folder: which the paths in it are relative to.
        kustomization: parsed.
        inputs: reads the files of patches.
    """
    for field in ("patches", "patchesJson6902"):
        entries = kustomization.get(field)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if not isinstance(entry, dict):
                continue
            target = entry.get("target")
            location = f"{file}: {field}[{index}]"
            if isinstance(entry.get("path"), str):
                location += f", {entry['path'][:200]}"
            yield PatchUse(place=location, target=target if isinstance(target, dict) else {}, body=_body(entry, folder, inputs))


def failed(message: str, patches: Iterable[PatchUse]) -> list[PatchUse]:
    """The patches that hold the operation a message of kustomize is about."""
    match = _POINTER.search(message)
    if match is None:
        return []
    return [patch for patch in patches if match[1] in _pointers(patch.body)]


def unmatched(patches: Iterable[PatchUse], manifests: Iterable[Manifest], inputs: Inputs) -> list[str]:
    """Warnings about patches whose target is no rendered object."""
    missing = missed(patches, manifests)
    if missing:
        # Another patch may have deleted or renamed the object.
        declared = _declared(inputs)
        missing = [] if declared is None else [p for p in missing if not any(_matches(p.target, obj) for obj in declared)]
    return [f"{patch}: no object matches its target, so it changes nothing" for patch in missing[:_MOST]]


def missed(patches: Iterable[PatchUse], manifests: Iterable[Manifest]) -> list[PatchUse]:
    """The patches whose target is none of some objects."""
    rendered = [manifest.obj for manifest in manifests]
    return [patch for patch in patches if patch.target and not any(_matches(patch.target, obj) for obj in rendered)][:_MOST]


def _body(entry: Object, folder: str, inputs: Inputs) -> Any:
    try:
        if isinstance(entry.get("patch"), str):
            data = entry["patch"].encode()
        else:
            data = inputs.read(join(folder, str(entry.get("path") or "")), limit=_LIMITS.bytes)
        documents = read(data, limits=_LIMITS).documents
    except (RenderError, SourceError):
        return None
    return documents[0].value if documents else None


def _pointers(body: Any) -> set[str]:
    operations = body if isinstance(body, list) else ()
    return {str(operation.get("path")) for operation in operations if isinstance(operation, dict)}


def _matches(target: Mapping[str, Any], obj: Any) -> bool:
    """Whether a target may mean an object; in doubt it does."""
    if not isinstance(obj, dict):
        return False
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    metadata = obj.get("metadata")
    name = str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
    selected = {field: str(target.get(field) or "") for field in ("group", "version", "kind", "name")}
    for field, value in (("group", group), ("version", version), ("kind", obj.get("kind"))):
        if selected[field] and _PLAIN.fullmatch(selected[field]) and selected[field] != value:
            return False
    # Prefixes and suffixes are added to names after patches were applied, or before.
    return not (_PLAIN.fullmatch(selected["name"]) and selected["name"] not in name)


def _declared(inputs: Inputs) -> list[Any] | None:
    """What the files of the render declare.

    None when one of them cannot be read.
    """
    objects: list[Any] = []
    for file in inputs.files:
        if file.endswith((".yaml", ".yml")) and not file.endswith(KUSTOMIZATIONS):
            try:
                objects += [
                    document.value
                    for document in read(inputs.read(file), file=file, limits=inputs.bounded(YamlLimits())).documents
                ]
            except (RenderError, SourceError):
                return None
    return objects
