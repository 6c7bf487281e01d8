"""Walks the graph of a kustomization before kustomize runs.

Why walk it ourselves: it gives the closure, it finds cycles and depth before a program can hang on them, and it refuses what
would leave the repository (remote bases, charts, functions) with the file and the field, instead of a clone error from inside a
tool. What kustomize itself decides (load restrictions, wrong kinds, bad patches) is left to it and reported in its own words.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import read
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.kustomization import (
    LONGEST,
    Reference,
    Role,
    charts,
    function,
    misspelled,
    plugin_references,
    references,
    remote,
    shown,
)
from gitops_agent.render.patches import PatchUse, patches_of
from gitops_agent.render.paths import join
from gitops_agent.render.plain import KUSTOMIZATIONS
from gitops_agent.render.remote_bases import RemoteBases
from gitops_agent.revision.remote_base import root_of
from gitops_agent.revision.tree import Entry, EntryType

_CHARTS_REFUSED = (
    "is not supported, because it runs Helm inside kustomize: commit the chart and make it an Application with spec.render.helm"
)
_LIMITS = YamlLimits(bytes=4 * 1024 * 1024, documents=100, nodes=200_000)


class Graph:
    """Walks kustomizations and asks `inputs` for every file they name.

    Args:
        inputs: records and copies.
        depth: how many kustomizations may build on one another.
    """

    def __init__(self, inputs: Inputs, *, depth: int) -> None:
        self._inputs = inputs
        self._depth = depth
        self._done: dict[str, str] = {}
        self._contents: dict[str, Object] = {}
        self._stack: list[str] = []
        self._public: list[tuple[str, str, str]] = []
        self._remote = RemoteBases(inputs)

    def visit(self, folder: str) -> str:
        """Registers all inputs of a kustomization; returns the path of its file.

        Args:
            folder: a directory of the tree, after links.

        Raises:
            RenderError: a cycle, too deep, or something named that is absent, remote or refused.
        """
        if folder in self._stack:
            chain = " → ".join(visited or "." for visited in [*self._stack[self._stack.index(folder) :], folder])
            raise RenderError(f"kustomizations build on one another in a circle: {chain}", reason="RenderFailed")
        if folder in self._done:
            return self._done[folder]
        if len(self._stack) >= self._depth:
            raise RenderError(f"more than {self._depth} kustomizations build on one another", reason="RenderTooLarge")
        file = self._file(folder)
        self._stack.append(folder)
        self._contents[folder] = self._read(file)
        self._walk(folder, file, self._contents[folder])
        self._stack.pop()
        self._done[folder] = file
        return file

    def patches(self) -> tuple[PatchUse, ...]:
        """The patches of every kustomization that was visited."""
        return tuple(
            patch
            for folder, content in sorted(self._contents.items())
            for patch in patches_of(self._done.get(folder, folder), folder, content, self._inputs)
        )

    def materialise(self, tree: Path) -> None:
        """Copies the inputs, with local paths in place of remote addresses."""
        self._inputs.materialise(tree)
        for folder, file in self._done.items():
            self._remote.write(folder, file, self._contents[folder], tree)

    def readable(self, message: str) -> str:
        """A message of kustomize, with the addresses of remote bases."""
        return self._remote.readable(message)

    def _file(self, folder: str) -> str:
        entries = [entry for name in KUSTOMIZATIONS if (entry := self._inputs.file(join(folder, name))) is not None]
        if not entries:
            raise RenderError(f"{folder or '.'} holds no kustomization.yaml", reason="FileNotFound", path=folder)
        if len(entries) > 1:
            names = " and ".join(join(folder, name) for name in KUSTOMIZATIONS if self._inputs.locate(join(folder, name)))
            raise RenderError(f"two kustomizations in one directory: {names}", reason="RenderFailed", path=folder)
        return next(path for name in KUSTOMIZATIONS if self._inputs.locate(path := join(folder, name)) is not None)

    def _read(self, file: str) -> Object:
        data = self._inputs.read(file, limit=_LIMITS.bytes)
        documents = read(data, file=file, limits=self._inputs.bounded(_LIMITS)).documents
        value = documents[0].value if documents else {}
        if len(documents) > 1 or not isinstance(value, dict):
            raise RenderError(f"{file}: a kustomization is one mapping", reason="RenderFailed", file=file)
        return value

    def _walk(self, folder: str, file: str, kustomization: Object) -> None:
        _check_spelling(file, kustomization)
        field = charts(kustomization)
        if field is not None:
            text = f"{file}: {field} {_CHARTS_REFUSED}"
            raise RenderError(text, reason="RenderFailed", file=file, field=field)
        for reference in references(kustomization):
            self._ask(folder, file, reference)

    def _ask(self, folder: str, file: str, reference: Reference) -> None:
        """Asks for what one reference names."""
        inline = reference.role in (Role.INLINE, Role.PLUGIN) and _mapping_text(reference.value)
        if inline:
            if reference.role is Role.PLUGIN:
                self._plugin(folder, file, reference.value.encode())
            return
        if len(reference.value) > LONGEST:
            text = f"{file}: {reference.field}: a name has at most {LONGEST} characters"
            raise RenderError(text, reason="RenderFailed", file=file, field=reference.field)
        if remote(reference.value):
            self._visit_named(file, reference, self._remote.locate(folder, file, reference))
            return
        target = join(folder, reference.value, named_in=f"{file}: {reference.field}")
        if root_of(target) != root_of(folder):
            text = f"{file}: {reference.field}: the path {shown(reference.value)} leads out of its repository"
            raise RenderError(text, reason="PathEscapes", file=file, field=reference.field)
        entry = self._inputs.file(target)
        if entry is None:
            hint = self._inputs.hint(join(folder, reference.value, named_in=file))
            text = f"{file}: {reference.field}: {shown(reference.value)} does not exist{hint}"
            raise RenderError(text, reason="FileNotFound", file=file, field=reference.field)
        if reference.field.lower().startswith("configmapgenerator"):
            self._public.append((file, reference.field, entry.path))
        self._enter(folder, file, reference, entry)

    def exposed(self, decrypted: Iterable[str]) -> str:
        """Where a decrypted file becomes part of a ConfigMap; empty if nowhere."""
        files = frozenset(decrypted)
        places = (f"{file}: {field}: {path}" for file, field, path in self._public if path in files)
        return next(places, "")

    def _enter(self, folder: str, file: str, reference: Reference, entry: Entry) -> None:
        if entry.type is EntryType.DIRECTORY:
            if reference.role not in (Role.RESOURCE, Role.DIRECTORY, Role.PLUGIN):
                text = f"{file}: {reference.field}: {shown(reference.value)} is a directory, not a file"
                raise RenderError(text, reason="RenderFailed", file=file, field=reference.field)
            self._visit_named(file, reference, entry.path)
        elif reference.role is Role.DIRECTORY:
            text = f"{file}: {reference.field}: {shown(reference.value)} is a file, not a directory with a kustomization"
            raise RenderError(text, reason="RenderFailed", file=file, field=reference.field)
        elif reference.role is Role.PLUGIN:
            self._plugin(folder, entry.path, self._inputs.read(entry.path, limit=_LIMITS.bytes))

    def _visit_named(self, file: str, reference: Reference, folder: str) -> None:
        if not any(self._inputs.locate(join(folder, name)) is not None for name in KUSTOMIZATIONS):
            text = f"{file}: {reference.field}: {shown(reference.value)} holds no kustomization.yaml"
            raise RenderError(text, reason="FileNotFound", file=file, field=reference.field)
        self.visit(folder)

    def _plugin(self, folder: str, file: str, data: bytes) -> None:
        """The files of a plugin; refuses those that would run programs.

        kustomize's own generators, transformers and validators name further files.
        """
        for document in read(data, file=file, limits=self._inputs.bounded(_LIMITS)).documents:
            config: Any = document.value
            if not isinstance(config, dict):
                continue
            _check_spelling(file, config)
            if config.get("kind") == "HelmChartInflationGenerator":
                text = f"{file}: HelmChartInflationGenerator {_CHARTS_REFUSED}"
                raise RenderError(text, reason="RenderFailed", file=file)
            if str(config.get("kind")).lower() == "ksops":
                text = (
                    f"{file}: ksops decrypts with a program of its own, which is refused: list its files under resources, and "
                    "set spec.render.decryption"
                )
                raise RenderError(text, reason="RenderFailed", file=file)
            if function(config):
                text = f"{file}: {posixpath.basename(file)} asks kustomize to run a function, which is refused"
                raise RenderError(text, reason="RenderFailed", file=file)
            for reference in plugin_references(config):
                self._ask(folder, file, reference)


def _check_spelling(file: str, config: Object) -> None:
    """Refuses keys that kustomize would read and this graph would not."""
    misspelling = misspelled(config)
    if misspelling is not None:
        written, meant = misspelling
        text = f"{file}: {shown(written)}: the field is spelled {meant}"
        raise RenderError(text, reason="RenderFailed", file=file, field=shown(written))


def _mapping_text(value: str) -> bool:
    """Whether a value that may be a path is YAML itself."""
    return "\n" in value.strip() or ": " in value or value.lstrip().startswith("{")
