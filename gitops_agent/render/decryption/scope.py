"""Which files of a commit one render decrypts.

Of a chart only the values files that the Application names: its templates are code, and what it hands on with `.Files` may be
meant for a program that decrypts by itself. Everything else that a render reads is decrypted.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from gitops_agent.errors import AgentError, SourceError
from gitops_agent.render.helm_values import git_files
from gitops_agent.render.paths import join, root
from gitops_agent.render.plain import KUSTOMIZATIONS
from gitops_agent.render.request import RenderRequest
from gitops_agent.revision.tree import Tree

MARK = "secrets://"
"""Begins the name of a values file that is encrypted, as helm-secrets writes it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The files that are decrypted: all of them when None."""

    files: frozenset[str] | None = None

    def covers(self, path: str) -> bool:
        """Whether a file is decrypted; the path is that after links."""
        return self.files is None or path in self.files


def scope_of(tree: Tree, request: RenderRequest) -> Scope:
    """The files that a render of a tree decrypts."""
    options = request.options
    helm = options.helm if options is not None else None
    try:
        folder = root(request.path)
        if helm is None and not _is_chart(tree, folder):
            return Scope()
        names = helm.values_files if helm is not None else ()
        paths = [posixpath.normpath(join(folder, name.removeprefix(MARK))) for name in names]
        paths += git_files(helm.values_from) if helm is not None else []
        entries = [tree.resolve(path) for path in paths]
    except (AgentError, SourceError):
        return Scope(frozenset())  # the render finds out and reports it
    return Scope(frozenset(entry.path for entry in entries if entry is not None))


def _is_chart(tree: Tree, folder: str) -> bool:
    """Whether a directory is rendered by Helm, as the renderer decides."""
    if any(tree.resolve(join(folder, name)) is not None for name in KUSTOMIZATIONS):
        return False
    return tree.resolve(join(folder, "Chart.yaml")) is not None
