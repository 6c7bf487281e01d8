"""What renders read beside a commit: remote bases, dependencies of charts.

Both are pinned, shown by the tree, and fetched by the poller when a render misses them; this is their one door.
"""

from __future__ import annotations

from gitops_agent.agent.desired.chart_dependencies import ChartDependencies
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.remote_bases import RemoteBases
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.application import Application
from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import AppKey
from gitops_agent.render import chart_dependencies, remote_bases
from gitops_agent.render.request import Rendered
from gitops_agent.revision.revision import DependencyRevision, Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.chart.dependency import DependencyAccess
from gitops_agent.source.repository import Repository


class PinnedInputs:
    """Pinned inputs by application; thread-safe.

    Args:
        poller: fetches.
        applications: know the rules of the installation.
    """

    def __init__(self, poller: SourcePoller, applications: ApplicationStore) -> None:
        self._poller = poller
        self._bases = RemoteBases(poller, applications)
        self._dependencies = ChartDependencies(poller, applications)

    def mounted(self, application: Application, repository: Repository, tree: Tree) -> Tree:
        """The tree with what its kustomizations and charts name.

        Args:
            application: whose.
            repository: what its application follows.
            tree: one commit.
        """
        bases = self._bases.mounted(application.key, repository, tree)
        return self._dependencies.mounted(application.key, _access(application), bases)

    def fetched(self, application: Application, repository: Repository, commit: str, failure: RenderError) -> bool:
        """Whether what the render of a commit missed is there now.

        Raises:
            AgentError: the render failed for another reason, or what it missed cannot be fetched.
        """
        if failure.reason == remote_bases.MISSING:
            return self._bases.fetched(application.key, repository, commit, failure)
        if failure.reason == chart_dependencies.MISSING:
            return self._dependencies.fetched(application.key, _access(application), commit, failure)
        raise failure

    def pending(self, application: AppKey, commit: str) -> str:
        """What is being fetched, in words; empty for nothing."""
        return self._bases.pending(application, commit) or self._dependencies.pending(application, commit)

    def settled(self, application: Application, rendered: Rendered) -> tuple[DependencyRevision, ...]:
        """The charts that a render fetched, as they are recorded.

        What earlier renders missed is not fetched any more; a render that misses it still looks it up again.
        """
        if self._forgotten(application.key):
            self._poller.unpin(application.key, absent=True)
        return tuple(self._dependencies.resolved(application.key, _access(application), rendered.closure))

    def judged(self, application: Application, revision: Revision, source: SourceState) -> SourceState:
        """The state of the source, or of a dependency no longer trusted.

        What is applied stays meanwhile, as it does when the signature of a newer commit or chart is refused.
        """
        if not revision.dependencies or source.error is not None:
            return source
        return self._dependencies.unverified(_access(application), revision.dependencies) or source

    def forget(self, application: AppKey) -> None:
        """Drops an application."""
        self._forgotten(application)
        self._poller.unpin(application)

    def _forgotten(self, application: AppKey) -> bool:
        return any([self._bases.forget(application), self._dependencies.forget(application)])


def _access(application: Application) -> DependencyAccess:
    spec = application.spec
    return DependencyAccess.of(application.key.namespace, spec.source.chart, spec.render)
