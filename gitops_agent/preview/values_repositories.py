"""Values of other repositories, read with the caller's rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import values_of
from gitops_agent.revision.mounted_tree import values_file
from gitops_agent.revision.revision import Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.repository import Repository
from gitops_agent.source.revision_name import HEAD, RevisionName
from gitops_agent.source.sources import Sources
from gitops_agent.source.values import values_beside, values_source, with_mounted_values, with_values

Access = Callable[[Repository], Credentials | None]
"""What a repository is read with."""


def followed_values(application: Application, sources: Sources, access: Access, revision: str = "") -> list[Revision]:
    """The commits with values, fetched.

    Args:
        application: names the repositories.
        sources: the mirrors.
        access: what each is read with.
        revision: names the commits; those that are followed now where it names none.

    Raises:
        SourceError: a repository cannot be read.
    """
    followed = values_beside(application.key.namespace, application.spec.render)
    commits = values_of(revision, [repository.url for repository, _ in followed])
    result = []
    for (repository, ref), commit in zip(followed, commits, strict=True):
        try:
            name = RevisionName.parse(commit or HEAD)
            result.append(sources.find(repository, name, head=ref, credentials=access(repository)))
        except SourceError as error:
            named = str(error) if str(repository) in str(error) else f"{repository}: {error}"
            raise SourceError(named, reason=error.reason, transient=error.transient) from error
    return result


def completed(application: Application, revision: Revision, values: list[Revision]) -> Revision:
    """A revision that names its values as well."""
    followed = values_beside(application.key.namespace, application.spec.render)
    return with_values(revision, values, [ref for _, ref in followed])


def mounted(application: Application, sources: Sources, tree: Tree, revision: str) -> Tree:
    """A tree with the values that a revision names, which are fetched."""
    followed = values_beside(application.key.namespace, application.spec.render)
    commits = values_of(revision, [repository.url for repository, _ in followed])
    trees = {source: sources.tree(source[0], commit) for source, commit in zip(followed, commits, strict=True)}
    return with_mounted_values(tree, application.key.namespace, application.spec.render, trees)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesFile:
    """A file of another repository that a render read.

    Attributes:
        repository: where it is.
        revision: the commit it was read at.
        path: relative to the root of the repository.
    """

    repository: Repository
    revision: Revision
    path: str

    def __str__(self) -> str:
        return f"{self.path} of {self.repository} at {self.revision.short}"


def located(application: Application, revision: Revision, path: str) -> ValuesFile | None:
    """The file behind a path of a render; None elsewhere."""
    values = values_file(path)
    helm = application.spec.render.helm if application.spec.render is not None else None
    if values is None or helm is None:
        return None
    index, file = values
    followed = values_source(application.key.namespace, helm.values_from[index])
    every = values_beside(application.key.namespace, application.spec.render)
    if followed is None:
        return None
    commits = values_of(revision.commit, [repository.url for repository, _ in every])
    repository, ref = followed
    commit = commits[every.index(followed)]
    return ValuesFile(
        repository=repository, revision=Revision(repository=repository.url, ref=ref.value, commit=commit), path=file
    )


@contextmanager
def with_values_of(application: Application, tree: Tree, scratch: Path, access: Access) -> Iterator[Tree]:
    """A directory of this machine, with values of other repositories.

    Args:
        application: names them.
        tree: the directory.
        scratch: for the mirrors.
        access: what each is read with.

    Raises:
        SourceError: a repository cannot be read.
    """
    followed = values_beside(application.key.namespace, application.spec.render)
    if not followed:
        yield tree
        return
    sources = Sources(scratch / "values", allow_file=any(repository.transport == "file" for repository, _ in followed))
    try:
        commits = followed_values(application, sources, access)
        trees = {source: sources.tree(source[0], commit.commit) for source, commit in zip(followed, commits, strict=True)}
        yield with_mounted_values(tree, application.key.namespace, application.spec.render, trees)
    finally:
        sources.close()
