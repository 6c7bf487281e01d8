"""The cluster as commands use it: transport, discovery and objects, created lazily."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitops_agent.errors import AgentError, NotFound, UnknownKind, UsageError, did_you_mean
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.marks import CLI_MANAGER

if TYPE_CHECKING:
    from gitops_agent.cluster.discovery import Discovery
    from gitops_agent.cluster.objects import Objects
    from gitops_agent.cluster.transport import Transport

_SHOWN = 5
NOT_INSTALLED = "the cluster does not know the agent's resources: run `gitops-agent install --apply` first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person for whom the agent writes with its own rights.

    Attributes:
        user: as the API server would know them.
        via: how they were identified, such as `slack/T0123/U0456`.
    """

    user: str
    via: str

    def __str__(self) -> str:
        return f"{self.user} ({self.via})"


@dataclass(frozen=True, slots=True)
class ClusterClient:
    """The cluster as a command sees it.

    Attributes:
        transport: to the API server.
        discovery: its kinds.
        objects: its objects.
        namespace: of the Applications.
        actor: for whom requests are written; None for the user of the credentials.
    """

    transport: Transport
    discovery: Discovery
    objects: Objects
    namespace: str
    actor: Actor | None = None

    @classmethod
    def open(cls, kubeconfig: str | None, context: str | None, namespace: str) -> ClusterClient:
        """Connects by the kubeconfig, or the pod's ServiceAccount inside a cluster.

        Raises:
            UsageError: there is no kubeconfig, or it cannot be used.
        """
        from gitops_agent.cluster.discovery import Discovery
        from gitops_agent.cluster.objects import Objects
        from gitops_agent.cluster.transport import Transport

        try:
            transport = Transport.auto(Path(kubeconfig) if kubeconfig else None, context)
        except UsageError as error:
            if context and str(error).endswith(f"name {context}"):
                raise UsageError(f"there is no context {context} in the kubeconfig") from error
            raise
        discovery = Discovery(transport)
        return cls(transport, discovery, Objects(transport, discovery, field_manager=CLI_MANAGER), namespace)

    def application(self, name: str) -> Object:
        """An Application by name.

        Raises:
            UsageError: there is none of that name, or the agent's resources are not installed.
        """
        return self.one("Application", name)

    def one(self, kind: str, name: str) -> Object:
        """An object of one of the agent's kinds by name.

        Raises:
            UsageError: there is none of that name, or the agent's resources are not installed.
        """
        try:
            return self.objects.get(ObjectKey(GROUP, kind, self.namespace, name))
        except NotFound as error:
            raise UsageError(f"there is no {kind} {name} in namespace {self.namespace}{self._others(kind, name)}") from error
        except UnknownKind as error:
            raise UsageError(NOT_INSTALLED) from error

    def _others(self, kind: str, name: str) -> str:
        """Names that come near, else some that exist, to end an error."""
        try:
            names = [str(obj["metadata"]["name"]) for obj in self.listed(kind)]
        except AgentError:
            return ""
        if near := difflib.get_close_matches(name, names, n=3):
            return did_you_mean(near)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"; there {'is' if len(names) == 1 else 'are'} {', '.join(names[:_SHOWN])}{more}" if names else ""

    def applications(self) -> list[Object]:
        """All Applications of the namespace, by name."""
        return self.listed("Application")

    def listed(self, kind: str, *, namespace: str | None = None, selector: str = "") -> list[Object]:
        """All objects of one of our kinds, by name.

        Those of another namespace when one is given, of all namespaces when it is empty; those with the labels of a selector.
        """
        where = self.namespace if namespace is None else namespace
        try:
            resource = self.discovery.find(GROUP, kind)
        except UnknownKind as error:
            raise UsageError(NOT_INSTALLED) from error
        objects = self.objects.list(resource, namespace=where, label_selector=selector).items
        return sorted(objects, key=lambda obj: (str(obj["metadata"]["name"]), str(obj["metadata"].get("namespace") or "")))
