"""Makes share links and opens them.

Each link that is made is a Kubernetes Event first: one that cannot be recorded is not handed out.
"""

from __future__ import annotations

import socket
import time

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.recorder import event_of
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.server.shares.link import LONGEST_BYTES, Scope, opened, sealed
from gitops_agent.server.shares.share_key import ShareKey

REASON = "Shared"
_RECORDED_FILTER = 200


class ShareLinks:
    """The links of one agent.

    Args:
        objects: the cluster, as the agent.
        key: signs them.
        address: where people reach the dashboard; empty when that is not known.
        nothing: a cluster of which nothing can be read, for who opens a link.
    """

    def __init__(self, objects: Objects, key: ShareKey, address: str, nothing: ClusterClient) -> None:
        self._objects, self._key, self._address = objects, key, address.rstrip("/")
        self.nothing = nothing

    def make(self, scope: Scope, *, until: str, actor: str) -> str:
        """The address of a new link.

        Args:
            scope: what it shows.
            until: its end, RFC 3339.
            actor: who makes it.

        Raises:
            AgentError: there is no key, or the Event cannot be written.
        """
        link = sealed(scope, self._key.read_or_make())
        shown = f"Applications of {', '.join(scope.namespaces)}" if scope.application is None else "this Application"
        matching = f" that match {scope.filter[:_RECORDED_FILTER]!r}" if scope.filter else ""
        note = f"{actor} made a link that shows {shown}{matching} without a sign-in until {until}"
        self._objects.create(event_of(self._regarding(scope), "Normal", REASON, note, instance=socket.gethostname()))
        return f"{self._address}/s/{link}"

    def open(self, text: str) -> Scope:
        """What a link shows.

        Raises:
            NotFound: it is forged, damaged, revoked or over: all read the same.
            AgentError: the key cannot be read.
        """
        key = self._key.read() if len(text) <= LONGEST_BYTES else b""
        scope = opened(text, key, now=time.time()) if key else None
        if scope is None:
            raise NotFound("this link does not exist, or no longer: ask for a new one", status=404)
        return scope

    def _regarding(self, scope: Scope) -> Object:
        key = self._key.secret if scope.application is None else APPLICATION.named(*scope.application)
        live = self._objects.get(key)
        return {"apiVersion": live.get("apiVersion", ""), "kind": key.kind, "metadata": live["metadata"]}
