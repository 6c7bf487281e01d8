"""What the translation of one object may look up."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.importer.peer_objects import PeerObjects
from gitops_agent.importer.repositories import Repositories
from gitops_agent.manifest.key import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """The objects that were read, the repositories, and the namespaces.

    Attributes:
        peers: every object that was read.
        repositories: looked up in.
        home: the namespace of the other tool itself, such as `flux-system`.
        target: the namespace for what is imported from there; objects of other namespaces stay in theirs.
        cluster: the address or name by which Argo CD calls the cluster of the agent; its own when empty.
    """

    peers: PeerObjects
    repositories: Repositories
    home: str
    target: str
    cluster: str = ""

    def namespace_of(self, obj: Object) -> str:
        """The namespace of what an object becomes."""
        return self.moved(str((obj.get("metadata") or {}).get("namespace") or self.home))

    def moved(self, namespace: str) -> str:
        """Where the objects of a namespace go."""
        return self.target if namespace == self.home else namespace
