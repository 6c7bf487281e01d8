"""Reads repositories with the credentials of the other tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from gitops_agent.api.source_options import RefSpec
from gitops_agent.errors import AgentError, SourceError
from gitops_agent.importer.repositories import HEAD, Reference, assumed, by_full_name, certain
from gitops_agent.revision.tree import Tree
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources

_BRANCH, _TAG = "branch", "tag"


class GitRepositories:
    """Repositories read by Git, each revision once.

    Args:
        cache: a directory for mirrors.
        credentials: of a repository by its address; None for a public one.
    """

    def __init__(self, cache: Path, credentials: Callable[[str], Mapping[str, bytes] | None]) -> None:
        self._sources = Sources(cache, allow_file=True)
        self._credentials = credentials
        self._references: dict[tuple[str, str], Reference] = {}
        self._errors: dict[str, SourceError] = {}

    def reference(self, url: str, revision: str) -> Reference:
        """See `Repositories`."""
        key = (url, revision)
        if key not in self._references:
            self._references[key] = self._looked_up(url, revision)
        return self._references[key]

    def tree(self, url: str, revision: str) -> Tree:
        """See `Repositories`."""
        reference = self.reference(url, revision)
        if reference.doubt:
            raise SourceError(reference.doubt, reason="SourceUnavailable")
        repository, ref = Repository(url=url), Ref.of(RefSpec.model_validate(reference.spec))
        poll = self._sources.poll(repository, frozenset({ref}), self._secret(url))
        if ref not in poll.tips:
            raise poll.errors[ref]
        return self._sources.tree(repository, poll.tips[ref])

    def close(self) -> None:
        """Ends the processes that read mirrors."""
        self._sources.close()

    def _looked_up(self, url: str, revision: str) -> Reference:
        proved = by_full_name(revision) if revision.startswith("refs/") else certain(revision)
        if proved is not None:
            return proved
        try:
            if url in self._errors:
                raise self._errors[url]
            repository, credentials = Repository(url=url), self._secret(url)
            if revision in HEAD:
                return Reference(spec={_BRANCH: self._sources.default_branch(repository, credentials)})
            branch, tag = Ref(kind="branch", value=revision), Ref(kind="tag", value=revision)
            poll = self._sources.poll(repository, frozenset({branch, tag}), credentials)
        except SourceError as error:
            if error.reason != "InvalidSpec":
                self._errors[url] = error
            return assumed(revision, f"the repository cannot be read ({error})")
        if branch in poll.tips:
            return Reference(spec={_BRANCH: revision})
        if tag in poll.tips:
            return Reference(spec={_TAG: revision})
        return assumed(revision, f"the repository has neither a branch nor a tag {revision}")

    def _secret(self, url: str) -> Credentials | None:
        data = self._credentials(url)
        try:
            return Credentials.from_secret(data) if data else None
        except AgentError:
            return None
