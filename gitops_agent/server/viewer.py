"""A viewer, with their own credentials and rights."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.server.destination_rights import DestinationRights
from gitops_agent.server.rights import Rights, rights_of, verbs_are_enforced
from gitops_agent.server.source import Source

_RIGHTS_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """One viewer.

    Attributes:
        user: the name, as the API server knows it.
        groups: the groups.
        mode: how they signed in.
        access: the cluster with the viewer's credentials.
        digest: names the session in limits and caches; no credential.
        expires: when the session ends, RFC 3339; empty for no known end.
        destinations: what their rights where Applications deploy to show; None where those show nothing.
    """

    user: str
    groups: tuple[str, ...]
    mode: str
    access: ClusterClient = field(repr=False)
    digest: str
    expires: str = ""
    destinations: DestinationRights | None = field(default=None, repr=False)
    _rights: dict[str, tuple[float, Rights]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def delegated(self) -> bool:
        """Whether the agent reads and writes for the viewer."""
        return self.access.actor is not None

    def rights(self, namespace: str) -> Rights:
        """The rights in a namespace, up to half a minute old.

        Raises:
            AgentError: the API server does not say.
        """
        with self._lock:
            at, rights = self._rights.get(namespace, (0.0, None))
        if rights is not None and time.monotonic() - at < _RIGHTS_SECONDS:
            return rights
        # Where the agent writes for the viewer, its own rights pass the policy, so the verbs are always demanded.
        fresh = rights_of(self.access, namespace, enforced=self.delegated or verbs_are_enforced(self.access))
        with self._lock:
            self._rights[namespace] = (time.monotonic(), fresh)
        return fresh

    def known_rights(self, namespace: str) -> Rights:
        """The last known rights, without a request; none where none are known."""
        with self._lock:
            return self._rights.get(namespace, (0.0, Rights(namespace=namespace)))[1]

    def review(self) -> None:
        """Asks for all known rights again.

        Raises:
            Unauthorized: the credentials are no longer accepted.
            AgentError: the API server does not answer.
        """
        with self._lock:  # kept until there are others: without an answer, what was shown stays
            self._rights.update({namespace: (-math.inf, rights) for namespace, (_, rights) in self._rights.items()})
            namespaces = tuple(self._rights)
        for namespace in namespaces or (self.access.namespace,):
            self.rights(namespace)
        if self.destinations is not None:
            self.destinations.review()

    def sees(self, key: AppKey) -> bool:
        """Whether an Application is shown.

        Raises:
            AgentError: the API server does not say.
        """
        return bool(self.seen((key,)))

    def seen(self, keys: Collection[AppKey]) -> set[AppKey]:
        """The Applications among these that are shown.

        Raises:
            AgentError: the API server does not say.
        """
        rights = {namespace: self.rights(namespace) for namespace in {key.namespace for key in keys}}
        whole = {namespace for namespace, granted in rights.items() if granted.sees_all}
        shown = {key for key in keys if key.namespace in whole or rights[key.namespace].sees(key.name)}
        if self.destinations is not None:
            shown |= {key for key in keys if key not in shown and self.destinations.show(key)}
        return shown

    def known_to_see(self, key: AppKey) -> bool:
        """Whether an Application is shown, by what is known without a request."""
        if self.known_rights(key.namespace).sees(key.name):
            return True
        return self.destinations is not None and self.destinations.are_known_to_show(key)


def visible(source: Source, viewer: Viewer, key: AppKey) -> Object:
    """An Application that the viewer may see.

    Raises:
        NotFound: there is none, or it is hidden: both read the same.
    """
    sees = viewer.sees(key)
    application = source.application(key)
    if application is None or not sees:
        raise NotFound(f"there is no Application {key.name} in namespace {key.namespace} that you may see", status=404)
    return application
