"""Values of charts in other Git repositories.

Each repository is followed like a source. Its commit is a part of the revision, and a tree shows its files in a directory of
their own, so that a new commit renders again only what reads a changed file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitops_agent.api.helm_values import ValuesSource
from gitops_agent.api.render_options import RenderOptions
from gitops_agent.manifest import revision_name
from gitops_agent.revision.mounted_tree import MountedTree, values_folder
from gitops_agent.revision.revision import Revision, ValuesRevision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository

MOST_VALUES = 8
"""Repositories with values of one application, which its API limits."""


def values_source(namespace: str, source: ValuesSource) -> tuple[Repository, Ref] | None:
    """The repository and reference of values in Git; see `followed`."""
    if source.repo_url is None or source.ref is None:
        return None
    secret = f"{namespace}/{source.secret_ref.name}" if source.secret_ref else ""
    return Repository(url=source.repo_url, secret=secret), Ref.of(source.ref)


def values_beside(namespace: str, render: RenderOptions | None) -> tuple[tuple[Repository, Ref], ...]:
    """The repositories with values of a chart, each once; see `followed`."""
    helm = render.helm if render is not None else None
    sources = (values_source(namespace, source) for source in helm.values_from) if helm is not None else ()
    return tuple(dict.fromkeys(source for source in sources if source is not None))


def with_values(revision: Revision, values: Sequence[Revision], refs: Sequence[Ref]) -> Revision:
    """A revision and the commits of repositories with values.

    Args:
        revision: without them.
        values: the commits.
        refs: what each of them was followed as.
    """
    if not values:
        return revision
    name = revision_name.with_values(
        revision.commit, [(values_revision.repository, values_revision.commit) for values_revision in values]
    )
    shown = tuple(
        ValuesRevision(repository=values_revision.repository, ref=str(ref), commit=values_revision.commit)
        for values_revision, ref in zip(values, refs, strict=True)
    )
    return replace(revision, commit=name, values=shown)


def with_mounted_values(
    tree: Tree, namespace: str, render: RenderOptions | None, trees: Mapping[tuple[Repository, Ref], Tree]
) -> Tree:
    """A tree with values of other repositories; its name covers them.

    Args:
        tree: the commit or chart.
        namespace: of the Application.
        render: its options, which name the values.
        trees: of each repository and reference with values.
    """
    helm = render.helm if render is not None else None
    name = revision_name.with_values(
        tree.commit, [(source[0].url, values_tree.commit) for source, values_tree in trees.items()]
    )
    for index, source in enumerate(helm.values_from if helm is not None else ()):
        followed = values_source(namespace, source)
        if followed is not None:
            tree = MountedTree(tree, values_folder(index), trees[followed], name)
    return tree
