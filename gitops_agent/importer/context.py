"""What the translation of one object may look up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitops_agent.importer.conversion import Copy
from gitops_agent.importer.peer_objects import PeerObjects
from gitops_agent.importer.repositories import Repositories


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """The objects that were read, the repositories, and the namespaces.

    Attributes:
        peers: every object that was read.
        repositories: looked up in.
        home: the namespace of the other tool itself, such as `flux-system`.
        target: the namespace of the agent, which works on the Applications there alone.
        cluster: the address or name by which Argo CD calls the cluster of the agent; its own when empty.
    """

    peers: PeerObjects
    repositories: Repositories
    home: str
    target: str
    cluster: str = ""

    def copied_name(self, namespace: str, name: str) -> str:
        """The name beside the Applications, unique among those of several namespaces."""
        return name if namespace in (self.home, self.target) else f"{namespace}-{name}"

    def copies(self, namespace: str, references: Iterable[tuple[str, object]]) -> list[Copy]:
        """The copies that Applications need of objects in a namespace.

        Args:
            namespace: of the objects.
            references: kinds and names.
        """
        return [
            Copy(
                kind=kind, namespace=namespace, name=str(name), to=self.target, new_name=self.copied_name(namespace, str(name))
            )
            for kind, name in references
            if name and namespace != self.target
        ]
