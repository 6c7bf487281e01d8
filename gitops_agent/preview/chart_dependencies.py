"""Dependencies of charts, for commands: fetched when a render needs them.

A version that a lock names never changes, so it is kept in the user's cache and fetched once for all commands.
"""

from __future__ import annotations

from collections.abc import Callable

from gitops_agent.api.application import Application
from gitops_agent.config.directories import user_cache
from gitops_agent.errors import SourceError
from gitops_agent.revision.chart_dependency import DEPENDENCIES, ChartDependency
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.tree import Tree
from gitops_agent.source.chart.chart_ref import ChartSource
from gitops_agent.source.chart.charts import Charts
from gitops_agent.source.chart.dependency import DependencyAccess
from gitops_agent.source.chart.repository import ChartAccess
from gitops_agent.source.ref import Ref

Access = Callable[[ChartSource, Ref], ChartAccess]
"""What a repository is read with."""


class _FetchedDependencies:
    """Looks dependencies up, from the network where the cache has none."""

    def __init__(self, charts: Charts, named: DependencyAccess, access: Access) -> None:
        self._charts, self._named, self._access = charts, named, access
        self._trees: dict[ChartDependency, Tree] = {}

    def tree(self, dependency: ChartDependency) -> Tree | None:
        """See `Mounts.tree`.

        Raises:
            SourceError: it cannot be fetched.
        """
        if dependency not in self._trees:
            repository, ref = self._named.located(dependency)
            try:
                revision = self._charts.resolve(repository, ref)
            except SourceError:
                try:
                    revision = self._charts.find(repository, ref, self._access(repository, ref))
                except SourceError as error:
                    raise self._named.explained(dependency, error) from error
            self._trees[dependency] = self._charts.tree(repository, revision.commit)
        return self._trees[dependency]


def _anonymous(repository: ChartSource, _: Ref) -> ChartAccess:
    return ChartAccess(url=repository.url, hosts=repository.hosts)


def with_dependencies(tree: Tree, application: Application | None = None, access: Access = _anonymous) -> Tree:
    """The tree with the dependencies that its charts name.

    Args:
        tree: what is rendered.
        application: whose options hold; None for a directory without one.
        access: what a repository is read with.
    """
    if application is None:
        named = DependencyAccess(namespace="")
    else:
        spec = application.spec
        named = DependencyAccess.of(application.key.namespace, spec.source.chart, spec.render)
    return PinnedTree(tree, DEPENDENCIES, _FetchedDependencies(Charts(user_cache() / "chart-dependencies"), named, access))
