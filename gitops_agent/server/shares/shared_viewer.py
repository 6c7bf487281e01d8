"""Who opens a share link: a viewer without an account."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Answer, Transport
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import AppKey
from gitops_agent.server.rights import Rights
from gitops_agent.server.shares.link import Scope
from gitops_agent.server.viewer import Viewer


@dataclass(frozen=True, kw_only=True)
class SharedViewer(Viewer):
    """One that has no rights.

    Attributes:
        scope: of the link.
        matches: whether the filter of the link holds for an Application.
    """

    scope: Scope
    matches: Callable[[AppKey], bool]

    def rights(self, namespace: str) -> Rights:
        """None."""
        return Rights(namespace=namespace)

    def known_rights(self, namespace: str) -> Rights:
        """None."""
        return Rights(namespace=namespace)

    def seen(self, keys: Collection[AppKey]) -> set[AppKey]:
        """The Applications among these that the link shows."""
        if self.scope.application is not None:
            return {key for key in keys if key == self.scope.application}
        return {key for key in keys if key.namespace in self.scope.namespaces and self.matches(key)}

    def known_to_see(self, key: AppKey) -> bool:
        """The same."""
        return self.sees(key)


class _Closed(Transport):
    """Sends nothing."""

    def exchange(self, *arguments: Any, **options: Any) -> Answer:
        """Refuses.

        Raises:
            Forbidden: always.
        """
        del arguments, options
        raise Forbidden("a share link reads nothing of the cluster", status=403)

    def stream(self, *arguments: Any, **options: Any) -> Any:
        """Refuses.

        Raises:
            Forbidden: always.
        """
        del arguments, options
        raise Forbidden("a share link reads nothing of the cluster", status=403)


def closed(transport: Transport, namespace: str) -> ClusterClient:
    """A cluster of which nothing can be read."""
    none = _Closed(transport.load, pool=1)
    discovery = Discovery(none)
    return ClusterClient(none, discovery, Objects(none, discovery), namespace)
