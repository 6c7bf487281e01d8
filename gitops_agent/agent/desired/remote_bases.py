"""Remote bases of kustomizations, fetched into mirrors.

A render looks a base up in the tree that it is given. One that is there costs nothing, for a pinned commit never changes; one
that is missing is fetched by the poller, and its application waits for it: what is applied stays, nothing is pruned, and the
render is repeated once it is there. The addresses are written by committers, so the rules of the installation for repositories
hold for them, and the Secret of the application goes to the server it is meant for and to no other one.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.agent.desired.missing_inputs import MissingInputs
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.errors import AgentError, RenderError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.remote_base import BASES, RemoteBase
from gitops_agent.revision.tree import Tree
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository, beside

_MOST_MISSING = 20
"""Bases of one commit."""


class RemoteBases:
    """Bases by application; thread-safe.

    Args:
        poller: fetches.
        applications: know the rules of the installation.
    """

    def __init__(self, poller: SourcePoller, applications: ApplicationStore) -> None:
        self._poller, self._applications = poller, applications
        self._missing: MissingInputs[RemoteBase] = MissingInputs(_MOST_MISSING)

    def mounted(self, application: AppKey, repository: Repository, tree: Tree) -> Tree:
        """The tree with the bases that its kustomizations name.

        Args:
            application: whose.
            repository: what it follows; bases on the same server are read with the same Secret.
            tree: one commit.
        """
        return PinnedTree(tree, BASES, _Bases(self, application, repository, tree.commit))

    def fetched(self, application: AppKey, repository: Repository, commit: str, failure: RenderError) -> bool:
        """Whether what a commit's render missed is there now, or forgotten.

        Args:
            application: whose.
            repository: what it follows.
            commit: which was rendered.
            failure: how the render ended.

        Raises:
            AgentError: a base cannot be fetched, named with the place of its address.
        """
        missing = self._missing.of(application, commit)
        for base, refusal in sorted(missing.items()):
            problem = refusal or self._problem(repository, base)
            if problem is not None:
                text = f"{failure.facts.get('file')}: {failure.facts.get('field')}: {problem.message}"
                raise SourceError(text, reason=problem.reason, transient=problem.transient, **problem.facts)
        bases = _Bases(self, application, repository, commit)
        if any(bases.tree(base) is None for base in missing):
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

    def read(self, application: AppKey, repository: Repository, ref: Ref) -> Tree | None:
        """The files of a commit that was fetched; None unless it was."""
        sources = self._poller.sources
        try:
            sources.resolve(repository, ref)
            tree = sources.tree(repository, ref.value)
        except SourceError:
            return None
        self._poller.pin(application, repository, ref, fetch=False)
        return tree

    def request(self, application: AppKey, commit: str, base: RemoteBase, repository: Repository | SourceError) -> None:
        """Fetches a base that a commit's render misses, unless it is refused."""
        refusal = repository if isinstance(repository, SourceError) else None
        noted = self._missing.add(application, commit, base, refusal)
        if noted and isinstance(repository, Repository):
            self._poller.pin(application, repository, _ref(base), fetch=True)

    def located(self, own: Repository, base: RemoteBase) -> Repository:
        """Where a base is, and the Secret it is read with.

        Raises:
            SourceError: its address is refused.
        """
        if not self._applications.rules.follows(base.url):
            text = f"{base.url} is not among the repositories that the setting source.allowedRepositories names"
            raise SourceError(text, reason="RemoteBase")
        return beside(own, base.url)

    def _problem(self, own: Repository, base: RemoteBase) -> AgentError | None:
        return self._poller.state(self.located(own, base)).of(_ref(base)).error


@dataclass(frozen=True, slots=True)
class _Bases:
    """The bases of one commit of an application."""

    bases: RemoteBases
    application: AppKey
    own: Repository
    commit: str

    def tree(self, base: RemoteBase) -> Tree | None:
        try:
            repository = self.bases.located(self.own, base)
        except SourceError as error:
            self.bases.request(self.application, self.commit, base, error)
            return None
        tree = self.bases.read(self.application, repository, _ref(base))
        if tree is None:
            self.bases.request(self.application, self.commit, base, repository)
        return tree


def _ref(base: RemoteBase) -> Ref:
    return Ref(kind="commit", value=base.commit)
