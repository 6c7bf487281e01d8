"""Makes the viewers for whom the agent reads and writes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

import orjson

from gitops_agent.cluster.client import Actor, ClusterClient
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.marks import CLI_MANAGER
from gitops_agent.server.delegated.reviewed_transport import ReviewedTransport, Subject
from gitops_agent.server.destination_rights import DestinationRights, Destinations
from gitops_agent.server.viewer import Viewer

_VIEWERS = 200


class DelegatedViewers:
    """The viewers of one way to sign in; thread-safe.

    Args:
        transport: as the agent.
        namespace: of the agent.
        mode: the way to sign in.
        destinations: where Applications deploy to, if that shows them.
    """

    def __init__(self, transport: Transport, namespace: str, mode: str, destinations: Destinations | None) -> None:
        self._transport, self._namespace, self._mode = transport, namespace, mode
        self._destinations = destinations
        self._discovery = Discovery(transport)
        self._lock = threading.Lock()
        self._viewers: OrderedDict[Subject, Viewer] = OrderedDict()

    def of(self, subject: Subject) -> Viewer:
        """The viewer of a subject."""
        with self._lock:
            viewer = self._viewers.get(subject)
            if viewer is None:
                viewer = self._viewers[subject] = self._made(subject)
            self._viewers.move_to_end(subject)
            while len(self._viewers) > _VIEWERS:
                self._viewers.popitem(last=False)
        return viewer

    def _made(self, subject: Subject) -> Viewer:
        transport = ReviewedTransport(self._transport, subject)
        objects = Objects(transport, self._discovery, field_manager=CLI_MANAGER)
        actor = Actor(user=subject.user, via=f"dashboard/{self._mode}")
        access = ClusterClient(transport, self._discovery, objects, self._namespace, actor)
        name = orjson.dumps([self._mode, subject.user, subject.groups])
        return Viewer(
            user=subject.user,
            groups=subject.groups,
            mode=self._mode,
            access=access,
            digest=hashlib.sha256(name).hexdigest(),
            destinations=DestinationRights(self._destinations, access) if self._destinations is not None else None,
        )
