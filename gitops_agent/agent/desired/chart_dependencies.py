"""Dependencies of charts, fetched by the poller.

A render looks a dependency up in the tree that it is given. One that was fetched stays what it is, so it costs no further
poll; one that is missing is fetched, and its application waits for it: what is applied stays, nothing is pruned, and the render
is repeated once it is there. The addresses are written by authors of charts, so the rules of the installation for repositories
hold for them, and each gets the Secret that the spec names for its address and no other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gitops_agent.agent.desired.missing_inputs import MissingInputs
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.errors import AgentError, RenderError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.revision.chart_dependency import DEPENDENCIES, ChartDependency, dependency_of
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.revision import DependencyRevision
from gitops_agent.revision.tree import Closure, Tree
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource
from gitops_agent.source.chart.dependency import UNVERIFIED, DependencyAccess

_MOST_MISSING = 50
"""Dependencies of one commit."""


class ChartDependencies:
    """Dependencies by application; thread-safe.

    Args:
        poller: fetches.
        applications: know the rules of the installation.
    """

    def __init__(self, poller: SourcePoller, applications: ApplicationStore) -> None:
        self._poller, self._applications = poller, applications
        self._missing: MissingInputs[ChartDependency] = MissingInputs(_MOST_MISSING)

    def mounted(self, application: AppKey, access: DependencyAccess, tree: Tree) -> Tree:
        """The tree with the dependencies that its charts name.

        Args:
            application: whose.
            access: what its spec says of their repositories.
            tree: one commit.
        """
        return PinnedTree(tree, DEPENDENCIES, _Dependencies(self, application, access, tree.commit))

    def fetched(self, application: AppKey, access: DependencyAccess, commit: str, failure: RenderError) -> bool:
        """Whether what a commit's render missed is there now, or forgotten.

        Args:
            application: whose.
            access: what its spec says of their repositories.
            commit: which was rendered.
            failure: how the render ended.

        Raises:
            AgentError: a dependency cannot be fetched, named with the chart that depends on it.
        """
        missing = self._missing.of(application, commit)
        for dependency, refusal in sorted(missing.items(), key=lambda item: item[0]):
            problem = refusal or self._problem(access, dependency)
            if problem is not None:
                problem = access.explained(dependency, problem)
                text = f"{failure.facts.get('file')}: dependencies: {dependency.chart}: {problem.message}"
                raise SourceError(text, reason=problem.reason, transient=problem.transient, **problem.facts)
        if any(self.read(application, access, dependency) is None for dependency in missing):
            return False
        self._missing.clear(application, commit)
        return True

    def pending(self, application: AppKey, commit: str) -> str:
        """What is being fetched, in words; empty for nothing."""
        missing = sorted(self._missing.of(application, commit))
        return f"{missing[0]} is being fetched" if missing else ""

    def forget(self, application: AppKey) -> bool:
        """Drops what renders missed; whether there was anything."""
        return self._missing.forget(application)

    def resolved(self, application: AppKey, access: DependencyAccess, closure: Closure) -> Iterator[DependencyRevision]:
        """What the dependencies of a render are, by their charts and versions.

        Signatures are verified anew in each process, as that of the chart is.
        """
        paths = (path for path, oid in closure.entries if oid is not None)
        dependencies = {located[0] for path in paths if (located := dependency_of(path)) is not None}
        for dependency in sorted(dependencies):
            try:
                repository, ref = access.located(dependency)
                revision = self._poller.sources.resolve(repository, ref)
            except SourceError:
                continue
            if ref.signers is not None:
                self._poller.pin(application, repository, ref, fetch=not self._poller.state(repository).of(ref).polled)
            if revision.chart is not None:
                yield DependencyRevision(chart=revision.chart, parent=dependency.parent)

    def unverified(self, access: DependencyAccess, dependencies: Iterable[DependencyRevision]) -> SourceState | None:
        """The state of the first dependency whose signature no longer counts."""
        for revision in dependencies:
            chart = revision.chart
            dependency = ChartDependency(chart.repository, chart.name, chart.range, revision.parent)
            try:
                repository, ref = access.located(dependency)
            except SourceError:
                continue
            state = self._poller.state(repository).of(ref)
            error = access.explained(dependency, state.error) if state.error is not None else None
            if error is not None and error.reason == UNVERIFIED and not error.transient:
                return replace(state, error=error)
        return None

    def read(self, application: AppKey, access: DependencyAccess, dependency: ChartDependency) -> Tree | None:
        """The files of a dependency that was fetched; None unless it was."""
        sources = self._poller.sources
        try:
            repository, ref = self.located(access, dependency)
            commit = sources.resolve(repository, ref).commit
            tree = sources.tree(repository, commit)
        except SourceError:
            return None
        self._poller.pin(application, repository, ref, fetch=False)
        return tree

    def request(self, application: AppKey, access: DependencyAccess, commit: str, dependency: ChartDependency) -> None:
        """Fetches a dependency that a commit's render misses, unless it is refused."""
        try:
            repository, ref = self.located(access, dependency)
        except SourceError as refusal:
            self._missing.add(application, commit, dependency, refusal)
            return
        if self._missing.add(application, commit, dependency, None):
            self._poller.pin(application, repository, ref, fetch=True)

    def located(self, access: DependencyAccess, dependency: ChartDependency) -> tuple[ChartSource, ChartRef]:
        """Where a dependency is, and the Secret it is read with.

        Raises:
            SourceError: its address is refused.
        """
        if not self._applications.rules.follows(dependency.repository):
            text = f"{dependency.repository} is not among the repositories that the setting source.allowedRepositories names"
            raise SourceError(text, reason="ChartDependency")
        return access.located(dependency)

    def _problem(self, access: DependencyAccess, dependency: ChartDependency) -> AgentError | None:
        repository, ref = self.located(access, dependency)
        return self._poller.state(repository).of(ref).error


class _Dependencies:
    """The dependencies of one commit of an application."""

    def __init__(self, dependencies: ChartDependencies, application: AppKey, access: DependencyAccess, commit: str) -> None:
        self._dependencies, self._application, self._access, self._commit = dependencies, application, access, commit
        self._trees: dict[ChartDependency, Tree] = {}

    def tree(self, dependency: ChartDependency) -> Tree | None:
        """See `Mounts.tree`; one that was read is read once."""
        tree = self._trees.get(dependency) or self._dependencies.read(self._application, self._access, dependency)
        if tree is None:
            self._dependencies.request(self._application, self._access, self._commit, dependency)
            return None
        self._trees[dependency] = tree
        return tree
