"""Bases of other repositories in one render.

What is pinned to a commit never changes, so it can be fetched once and be an input like any file: the agent shows it below a
reserved folder of the tree, and a render that meets one that is not there yet ends with a reason that says what to wait for.
What is not pinned could change without a commit, and is refused. kustomize reads local paths only: in the copies it works on,
the addresses are replaced by them.
"""

from __future__ import annotations

import posixpath
from pathlib import Path

from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.kustomization import Reference, Role, shown
from gitops_agent.render.paths import join
from gitops_agent.render.remote_reference import read_reference
from gitops_agent.revision.remote_base import RemoteBase
from gitops_agent.revision.tree import EntryType

MISSING = "RemoteBaseMissing"
_MOST = 20
_EXAMPLE = "https://github.com/org/repo//path?ref=COMMIT"


class RemoteBases:
    """Locates the bases that kustomizations name.

    Args:
        inputs: of the render.
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._bases: set[RemoteBase] = set()
        self._replaced: dict[str, dict[str, str]] = {}

    def locate(self, folder: str, file: str, reference: Reference) -> str:
        """The directory of the tree that a reference leads to.

        Args:
            folder: of the kustomization.
            file: the kustomization.
            reference: what it names.

        Raises:
            RenderError: reason `RemoteBase` where it is refused, `RemoteBaseMissing` while it is not there, `FileNotFound`
                where the repository has no such directory.
        """
        where = f"{file}: {reference.field}: {shown(reference.value)}"
        remote = read_reference(reference.value) if reference.role in (Role.RESOURCE, Role.DIRECTORY) else None
        if remote is None:
            text = f"{where} lies outside the repository, and nothing is fetched for it: vendor it into the repository"
            raise self._refused(text, file, reference)
        base = remote.base
        if base is None:
            now = f"it names {shown(remote.ref)!r}" if remote.ref else "it names none"
            text = f"{where} is not pinned to a commit ({now}): write ?ref= and the 40 digits of a commit, as in {_EXAMPLE}"
            raise self._refused(text, file, reference)
        if remote.url.startswith("http://"):
            raise self._refused(f"{where} is plain http, which proves nothing about the server: use https", file, reference)
        self._bases.add(base)
        if not base.showable or len(self._bases) > _MOST:
            text = f"{where}: the address is too long" if not base.showable else f"{where}: more than {_MOST} remote bases"
            raise RenderError(text, reason="RenderTooLarge", file=file, field=reference.field)
        if self._inputs.locate(base.path) is None:
            text = f"{where} has not been fetched yet"
            raise RenderError(text, reason=MISSING, file=file, field=reference.field)
        entry = self._inputs.locate(join(base.path, remote.path))
        if entry is None or entry.type is not EntryType.DIRECTORY:
            text = f"{where}: {remote.path or 'the root'} is no directory of {shown(str(base))}"
            raise RenderError(text, reason="FileNotFound", file=file, field=reference.field)
        self._replaced.setdefault(folder, {})[reference.value] = posixpath.relpath(entry.path, folder or ".")
        return entry.path

    def write(self, folder: str, file: str, kustomization: Object, tree: Path) -> None:
        """Replaces the addresses in the copy of a kustomization.

        Args:
            folder: of the kustomization.
            file: its path.
            kustomization: its content.
            tree: the copies.
        """
        replaced = self._replaced.get(folder)
        if not replaced:
            return
        value = {
            name: [replaced.get(item, item) if isinstance(item, str) else item for item in items]
            if name in ("resources", "bases", "components") and isinstance(items, list)
            else items
            for name, items in kustomization.items()
        }
        copy = tree / file
        copy.unlink()
        copy.write_text(dump(value), encoding="utf-8")

    def readable(self, message: str) -> str:
        """A message with addresses in place of folders."""
        for base in sorted(self._bases):
            message = message.replace(base.path, f"{shown(base.url)}@{base.commit[:12]}")
        return message

    def _refused(self, text: str, file: str, reference: Reference) -> RenderError:
        return RenderError(text, reason="RemoteBase", file=file, field=reference.field)
