"""The chart and the values that a commit is rendered with.

They are followed like the source itself, and the revision names all of them: what is applied, what the history keeps and what
a rollback restores is one state of everything. While one of them cannot be read there is no new revision, so what is applied
stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.api.application import Application
from gitops_agent.errors import AgentError, SourceError
from gitops_agent.manifest.revision_name import values_of
from gitops_agent.revision.revision import Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.following import with_chart
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.values import with_mounted_values, with_values


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRevision:
    """A commit with what lies beside it, or the error.

    Attributes:
        source: the state of the first repository that cannot be read, else of one of them.
        revision: all of it; None while something is missing.
        pending: what is under way, in words; empty when nothing is.
        error: why a repository beside it cannot be read.
    """

    source: SourceState
    revision: Revision | None = None
    pending: str = ""
    error: AgentError | None = None


class BesideSources:
    """Completes revisions and trees with what lies beside a commit.

    Args:
        poller: keeps the mirrors and charts.
    """

    def __init__(self, poller: SourcePoller) -> None:
        self._poller, self._sources = poller, poller.sources

    def whole(self, application: Application, revision: Revision, source: SourceState) -> WholeRevision:
        """The revision with what is followed beside it now.

        Args:
            application: whose.
            revision: of its source.
            source: the state of that source.
        """
        chart, values = self._poller.beside(application), self._poller.values(application)
        commits: list[Revision] = []
        for repository, ref, what in _named(chart, values):
            state = self._poller.state(repository).of(ref)
            try:
                resolved = self._sources.resolve(repository, ref)
            except SourceError as error:
                if not state.polled:
                    return WholeRevision(source=source, pending=f"{what} fetched for the first time")
                problem = _about(repository, state.error or error)
                return WholeRevision(source=replace(state, error=problem), error=problem)
            source = source if source.error is not None else state
            if ref.kind == "chart":
                revision = with_chart(revision, resolved)
            else:
                commits.append(resolved)
        return WholeRevision(source=source, revision=with_values(revision, commits, [ref for _, ref in values]))

    def mounted(self, application: Application, tree: Tree, revision: str) -> Tree:
        """The tree with the values that a revision names.

        Values it does not name, because the spec has changed since, are those that are followed now.

        Raises:
            SourceError: a commit is not there (any more).
        """
        followed = self._poller.values(application)
        if not followed:
            return tree
        named = values_of(revision, [repository.url for repository, _ in followed])
        trees = {
            source: self._sources.tree(source[0], commit or self._sources.resolve(*source).commit)
            for source, commit in zip(followed, named, strict=True)
        }
        return with_mounted_values(tree, application.key.namespace, application.spec.render, trees)


def _about(repository: Repository, error: AgentError) -> AgentError:
    """The error with the repository, which is one of several."""
    if not isinstance(error, SourceError) or str(repository) in error.message:
        return error
    return SourceError(f"{repository}: {error.message}", reason=error.reason, transient=error.transient, **error.facts)


def _named(
    chart: tuple[Repository, Ref] | None, values: tuple[tuple[Repository, Ref], ...]
) -> Iterator[tuple[Repository, Ref, str]]:
    if chart is not None:
        yield *chart, "the chart is being"
    for repository, ref in values:
        yield repository, ref, f"{repository}, which holds values, is being"
