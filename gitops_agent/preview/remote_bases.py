"""Remote bases of a command: fetched when its render looks for them.

A pinned commit never changes, so it is kept in the user's cache and fetched once for all commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gitops_agent.config.directories import user_cache
from gitops_agent.errors import SourceError
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.remote_base import BASES, RemoteBase
from gitops_agent.revision.tree import Tree
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository, beside
from gitops_agent.source.sources import Sources


class _FetchedBases:
    """Looks bases up, from the network where the cache has none."""

    def __init__(self, sources: Sources, own: Repository | None, credentials: Callable[[], Credentials | None]) -> None:
        self._sources, self._own, self._credentials = sources, own, credentials

    def tree(self, base: RemoteBase) -> Tree | None:
        """See `Mounts.tree`.

        Raises:
            SourceError: it cannot be fetched.
        """
        repository = beside(self._own, base.url) if self._own is not None else Repository(url=base.url, shallow=True)
        ref = Ref(kind="commit", value=base.commit)
        try:
            self._sources.resolve(repository, ref)
        except SourceError:
            credentials = self._credentials() if repository.secret else None
            polled = self._sources.poll(repository, frozenset({ref}), credentials)
            if ref in polled.errors:
                raise SourceError(f"{base.url}: {polled.errors[ref]}", reason=polled.errors[ref].reason) from None
        return self._sources.tree(repository, base.commit)


@contextmanager
def mounted(
    tree: Tree, own: Repository | None = None, credentials: Callable[[], Credentials | None] = lambda: None
) -> Iterator[Tree]:
    """The tree with its remote bases, until the end of the block.

    Args:
        tree: what is rendered.
        own: the repository it is from, None for a folder of this machine.
        credentials: those of that repository; bases on the same server are read with them.
    """
    local = own is None or own.transport == "file"
    sources = Sources(user_cache() / "remote-bases", allow_file=local)
    try:
        yield PinnedTree(tree, BASES, _FetchedBases(sources, own, credentials))
    finally:
        sources.close()
