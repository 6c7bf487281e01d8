"""Pins the cluster by the UID of its namespace kube-system.

Problem: when a name or an address suddenly leads to another cluster, every request there succeeds, and what is known of the
first cluster would be done to the second. Decision: a leader notes the UID once, before it lists anything. It is compared
again where another cluster shows: before a list or a stream is handed on, and before a lease that vanished is claimed anew (its
renewals name the UID of the Lease, so another cluster refuses them by itself). After the first difference nothing is written
any more, and the process ends, because a new one begins with nothing that it believes.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from gitops_agent.errors import AgentError, Forbidden, NotFound, Unavailable
from gitops_agent.observe.log import logger

if TYPE_CHECKING:
    from gitops_agent.cluster.transport import Transport

_NAMESPACE = "kube-system"
_PATH = f"/api/v1/namespaces/{_NAMESPACE}"

_log = logger("cluster")


class ClusterMismatch(AgentError):
    """The cluster is another one than at the start."""

    reason = "ClusterMismatch"


class ClusterIdentity:
    """Pins the cluster behind a transport; safe to share between threads.

    Args:
        transport: to the API server.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._uid = ""
        self._mismatch = ""
        self._ends: threading.Event | None = None

    @property
    def mismatch(self) -> str:
        """How the cluster differs from the pinned one; empty until it does."""
        return self._mismatch

    def ends(self, process: threading.Event) -> None:
        """Names an event that is set once the cluster is another one."""
        self._ends = process

    def pin(self) -> None:
        """Notes which cluster this is, once.

        Without permission to read it, every cluster counts as the same.

        Raises:
            AgentError: the API server does not answer.
            ClusterMismatch: it was pinned before and is another one now.
        """
        if self._uid:
            self.confirm()
            return
        try:
            self._uid = self._read(30.0)
        except (Forbidden, NotFound) as error:
            _log.warning("another cluster would not be noticed: its UID cannot be read", namespace=_NAMESPACE, error=error)

    def confirm(self, *, timeout: float = 30.0) -> None:
        """Compares the cluster with the pinned one, if there is one.

        Args:
            timeout: seconds the answer may take.

        Raises:
            ClusterMismatch: it is another one.
            AgentError: the UID cannot be read now.
        """
        if not self._uid:
            return
        self.refuse()
        try:
            uid = self._read(timeout)
        except NotFound:
            raise Unavailable(f"{self._transport.host} has no namespace {_NAMESPACE} (yet)", code="NoIdentity") from None
        if uid != self._uid:
            self._differs(uid)
        self.refuse()

    def refuse(self) -> None:
        """Raises ClusterMismatch once the cluster was another one."""
        if self._mismatch:
            raise ClusterMismatch(self._mismatch)

    def _read(self, timeout: float) -> str:
        namespace = self._transport.request("GET", _PATH, timeout=timeout)
        metadata = namespace.get("metadata") if isinstance(namespace, dict) else None
        uid = str((metadata or {}).get("uid") or "")
        if not uid:
            raise Unavailable(f"{self._transport.host} answered GET {_PATH} with no namespace", code="NoIdentity")
        return uid

    def _differs(self, uid: str) -> None:
        with self._lock:
            if self._mismatch:
                return
            self._mismatch = (
                f"{self._transport.host} is another cluster now: its namespace {_NAMESPACE} has the UID {uid}, "
                f"and had {self._uid} when this process began to lead"
            )
        _log.error(
            "the cluster is another one; the process ends so that nothing acts on what is known of the first",
            reason=ClusterMismatch.reason,
            error=self._mismatch,
        )
        if self._ends is not None:
            self._ends.set()
