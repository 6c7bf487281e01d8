"""Finds what in Git decides a field, by experiment.

A renderer does not say which overlay, patch or values file a value comes from. It can be asked, though: each value in the files
of the render, and in `spec.render`, that resembles the field's value is changed alone; where the field changes with it, that
value decides it. It works alike for kustomize, Helm and plain files, and answers what is true instead of what is likely.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.marks import PREFIX, annotation
from gitops_agent.manifest.merge_keys import ABSENT, resolve
from gitops_agent.manifest.pointer import parse, pointer
from gitops_agent.manifest.scalar_places import ScalarPlace, exchanged, scalar_places, text_of
from gitops_agent.manifest.yaml import dump_all, read
from gitops_agent.preview.text_probe import probe_of, text_places
from gitops_agent.render.request import Rendered, RenderRequest
from gitops_agent.revision.edited_tree import EditedTree
from gitops_agent.revision.tree import EntryType, Tree

MOST_EXPERIMENTS = 40
"""Renders of one question; the values that resemble most go first."""

_FILE_BYTES = 1024 * 1024
_MOST_FILES = 2000
_LONGEST = 500
_LEAST_IN_COMMON = 2
_PROBE = "x-probe"
_PROBED = f"{PREFIX}probe"
_SUFFIXES = (".yaml", ".yml", ".json")

Render = Callable[[Tree, RenderRequest], Rendered]
"""Renders a tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOrigin:
    """A value that decides a field.

    Attributes:
        file: in the repository; empty for `spec.render` of the Application.
        line: one-based; 0 where there is none.
        path: JSON pointer in its document.
        value: as it stands there.
    """

    file: str
    line: int
    path: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Experiment:
    """One value and the render in which it alone is different."""

    origin: FieldOrigin
    tree: Tree
    request: RenderRequest
    likeness: tuple[bool, int]


class OriginFinder:
    """Experiments with one render.

    Args:
        tree: what was rendered.
        request: how.
        rendered: the result.
        render: renders a changed tree or request.
    """

    def __init__(self, tree: Tree, request: RenderRequest, rendered: Rendered, render: Render) -> None:
        self._tree, self._request, self._rendered, self._render = tree, request, rendered, render

    def origins(self, key: ObjectKey, path: str) -> tuple[FieldOrigin, ...]:
        """What decides a field: overlays before what they overlay.

        Args:
            key: the object, as rendered.
            path: JSON pointer of a single value in it; items of lists by their merge keys.
        """
        declared = next((manifest.obj for manifest in self._rendered.manifests if manifest.key == key), None)
        value = ABSENT if declared is None else resolve(declared, path)
        if isinstance(value, dict | list) or value in (ABSENT, "", None):
            return ()
        path = _by_position(declared, path)
        text = _text(value)
        experiments = [
            *_in_spec(self._tree, self._request, text),
            *_in_files(self._tree, self._request, self._rendered, text),
            *_in_texts(self._tree, self._request, self._rendered, value),
        ]
        experiments.sort(key=lambda experiment: experiment.likeness)
        return tuple(
            experiment.origin for experiment in experiments[:MOST_EXPERIMENTS] if self._decides(experiment, key, path, value)
        )

    def documents(self, key: ObjectKey) -> tuple[FieldOrigin, ...]:
        """The documents an object is made from: patches before what they patch.

        Each document of its kind and name gets an annotation; where the object gets it too, the document is part of it.

        Args:
            key: the object, as rendered.
        """
        candidates = sorted(
            _documents(self._tree, self._rendered, key), key=lambda candidate: _distance(candidate[0].file, self._request.path)
        )
        return tuple(origin for origin, tree in candidates[:MOST_EXPERIMENTS] if self._arrives(tree, key))

    def _arrives(self, tree: Tree, key: ObjectKey) -> bool:
        try:
            changed = self._render(tree, self._request)
        except AgentError:
            return False
        return any(manifest.key == key and annotation(manifest.obj, _PROBED) is not None for manifest in changed.manifests)

    def _decides(self, experiment: _Experiment, key: ObjectKey, path: str, value: Any) -> bool:
        try:
            changed = self._render(experiment.tree, experiment.request)
        except AgentError:
            return False
        before = {manifest.key for manifest in self._rendered.manifests}
        return any(
            _flows(value, resolve(manifest.obj, path))
            for manifest in changed.manifests
            if manifest.key == key or (manifest.key not in before and _is_renamed(key, manifest.key))
        )


def _flows(value: Any, now: Any) -> bool:
    """Whether the probe arrived in a field itself."""
    if isinstance(value, bool) or isinstance(now, bool):
        return isinstance(value, bool) and isinstance(now, bool) and value != now
    if isinstance(value, int) and isinstance(now, int):
        return value + 1 == now
    return now is not ABSENT and now != value and (_PROBE in _text(now) or _text(now) == _text(value) + "1")


def _is_renamed(key: ObjectKey, other: ObjectKey) -> bool:
    """Whether only the end of the name differs, such as a hash."""
    stem = key.name.rpartition("-")[0]
    return bool(stem) and other == replace(key, name=other.name) and other.name.rpartition("-")[0] == stem


def _by_position(obj: Any, path: str) -> str:
    """The pointer with positions for merge keys, which a probe may change."""
    steps = []
    for step in parse(path):
        below = resolve(obj, pointer(step))
        steps.append(str(obj.index(below)) if isinstance(obj, list) and below is not ABSENT else step)
        obj = below
    return pointer(*steps)


def _in_files(tree: Tree, request: RenderRequest, rendered: Rendered, text: str) -> Iterator[_Experiment]:
    for name in _files(tree, rendered):
        try:
            data = tree.read(name, limit=_FILE_BYTES)
            places = list(scalar_places(data, file=name))
        except AgentError:
            continue
        for scalar in places:
            unlike = True if request.variables and "${" in scalar.text else _unlike(scalar.text, text)
            if unlike is not None:
                yield _Experiment(
                    origin=FieldOrigin(file=name, line=scalar.line, path=scalar.path, value=scalar.text),
                    tree=EditedTree(tree, name, exchanged(data, scalar, _probe(scalar), file=name)),
                    request=request,
                    likeness=(unlike, _distance(name, request.path)),
                )


def _in_texts(tree: Tree, request: RenderRequest, rendered: Rendered, value: Any) -> Iterator[_Experiment]:
    """Values inside of texts, such as patches that stand in a kustomization."""
    for name in _files(tree, rendered):
        try:
            data = tree.read(name, limit=_FILE_BYTES)
            places, body = list(scalar_places(data, file=name)), text_of(data, file=name)
        except AgentError:
            continue
        for scalar in places:
            for inner in text_places(body, scalar, _text(value), probe_of(value, _PROBE)):
                yield _Experiment(
                    origin=FieldOrigin(file=name, line=inner.line, path=scalar.path, value=inner.shown),
                    tree=EditedTree(tree, name, exchanged(data, scalar, inner.changed, file=name)),
                    request=request,
                    likeness=(False, _distance(name, request.path)),
                )


def _documents(tree: Tree, rendered: Rendered, key: ObjectKey) -> Iterator[tuple[FieldOrigin, Tree]]:
    """The documents of a kind and name, each with its probed tree."""
    for name in _files(tree, rendered):
        try:
            data = tree.read(name, limit=_FILE_BYTES)
            values = [document.value for document in read(data, file=name).documents]
            places = list(scalar_places(data, file=name))
        except AgentError:
            continue
        for number, value in enumerate(values):
            metadata = value.get("metadata") if isinstance(value, dict) else None
            if not isinstance(metadata, dict) or value.get("kind") != key.kind or str(metadata.get("name")) not in key.name:
                continue
            annotations = {**(metadata.get("annotations") or {}), _PROBED: _PROBE}
            probed = {**value, "metadata": {**metadata, "annotations": annotations}}
            text = dump_all([*values[:number], probed, *values[number + 1 :]])
            line = next((scalar.line for scalar in places if (scalar.document, scalar.path) == (number, "/metadata/name")), 0)
            yield (
                FieldOrigin(file=name, line=line, path="", value=f"document {number + 1}"),
                EditedTree(tree, name, text.encode()),
            )


def _files(tree: Tree, rendered: Rendered) -> list[str]:
    """The files of a render that may hold values."""
    names: set[str] = set()
    for path, oid in rendered.closure.entries:
        entry = tree.entry(path) if oid is not None else None
        if entry is None:
            continue
        files = tree.walk(path) if entry.type is EntryType.DIRECTORY else (entry,)
        names |= {file.path for file in files if file.type is EntryType.FILE and file.path.endswith(_SUFFIXES)}
    return sorted(names)[:_MOST_FILES]


def _in_spec(tree: Tree, request: RenderRequest, text: str) -> Iterator[_Experiment]:
    if request.options is None:
        return
    data = json.dumps(request.options.model_dump(mode="json", by_alias=True, exclude_defaults=True)).encode()
    for scalar in scalar_places(data, file="spec.render"):
        if (unlike := _unlike(scalar.text, text)) is None:
            continue
        changed = exchanged(data, scalar, _probe(scalar), file="spec.render")
        try:
            options = RenderOptions.model_validate(json.loads(changed))
        except ValueError:
            continue
        yield _Experiment(
            origin=FieldOrigin(file="", line=0, path=scalar.path, value=scalar.text),
            tree=tree,
            request=replace(request, options=options),
            likeness=(unlike, -1),
        )


def _unlike(candidate: str, text: str) -> bool | None:
    """False for an equal text, True for a part, else None."""
    if candidate == text:
        return False
    if len(candidate) > _LONGEST or len(text) > _LONGEST:
        return None
    shorter, longer = sorted((candidate, text), key=len)
    return True if len(shorter) >= _LEAST_IN_COMMON and shorter in longer else None


def _distance(file: str, path: str) -> int:
    """How far a file is from the rendered directory: overlays are near."""
    ours, theirs = [part for part in path.split("/") if part not in {"", "."}], file.split("/")[:-1]
    common = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return len(ours) + len(theirs) - 2 * common


def _probe(place: ScalarPlace) -> str:
    """Another value of the same type, as YAML."""
    if place.plain and place.text in {"true", "false"}:
        return "false" if place.text == "true" else "true"
    if place.plain and place.text.isascii() and place.text.isdigit():
        return str(int(place.text) + 1)
    return json.dumps(place.text + _PROBE)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
