"""Pins the cluster by the UID of its namespace kube-system.

Problem: when a name or an address suddenly leads to another cluster, every request there succeeds, and what is known of the
first cluster would be done to the second. Decision: a leader notes the UID once, before it lists anything. It is compared
again where another cluster shows: when lists or streams are opened, once a minute for all of them together; before the first
write after one was opened, so that nothing is written by what another cluster said; and before a lease that vanished is claimed
anew (its renewals name the UID of the Lease, so another cluster refuses them by itself). After the first difference nothing is
written any more, and the process ends, because a new one begins with nothing that it believes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gitops_agent.errors import AgentError, Forbidden, NotFound, Unavailable
from gitops_agent.observe.log import logger

if TYPE_CHECKING:
    from gitops_agent.cluster.transport import Transport

_NAMESPACE = "kube-system"
_PATH = f"/api/v1/namespaces/{_NAMESPACE}"
_PERIOD_SECONDS = 60.0
"""How often lists and streams ask which cluster they read, all together."""

_log = logger("cluster")


class ClusterMismatch(AgentError):
    """The cluster is another one than at the start."""

    reason = "ClusterMismatch"


class ClusterIdentity:
    """Pins the cluster behind a transport; safe to share between threads.

    Args:
        transport: to the API server.
        clock: monotonic seconds.
    """

    def __init__(self, transport: Transport, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport, self._clock = transport, clock
        self._lock, self._asking = threading.Lock(), threading.Lock()
        self._uid = self._expected = ""
        self._opened = self._confirmed = 0
        self._confirmed_at = 0.0
        self._mismatch = ""
        self._ends: threading.Event | None = None

    @property
    def mismatch(self) -> str:
        """How the cluster differs from the pinned one; empty until it does."""
        return self._mismatch

    @property
    def uid(self) -> str:
        """The UID of the pinned cluster; empty while it is not known."""
        return self._uid

    def expect(self, uid: str) -> None:
        """Names the only cluster that may be pinned; any when empty."""
        self._expected = uid

    def ends(self, process: threading.Event) -> None:
        """Names an event that is set once the cluster is another one."""
        self._ends = process

    def pin(self) -> None:
        """Notes which cluster this is, once.

        Without permission to read it, every cluster counts as the same.

        Raises:
            AgentError: the API server does not answer.
            ClusterMismatch: it was pinned before and is another one now, or another one is expected.
        """
        if self._uid:
            self.confirm()
            return
        try:
            uid, self._confirmed_at = self._read(30.0), self._clock()
            if self._expected and uid != self._expected:
                self._differs(uid, f"and the setting cluster.uid names the cluster {self._expected}")
                self._refuse()
            self._uid = uid
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
        self._refuse()
        opened, began = self._opened, self._clock()
        try:
            uid = self._read(timeout)
        except NotFound:
            raise Unavailable(f"{self._transport.host} has no namespace {_NAMESPACE} (yet)", code="NoIdentity") from None
        if uid != self._uid:
            self._differs(uid, f"and had {self._uid} when this process began to lead")
        self._refuse()
        with self._lock:
            self._confirmed, self._confirmed_at = max(self._confirmed, opened), max(self._confirmed_at, began)

    def opened(self) -> None:
        """Takes note that a list or stream was opened.

        Raises:
            ClusterMismatch: it is known that the cluster is another one.
            AgentError: it was this stream's turn to ask, and the UID cannot be read now.
        """
        if not self._uid:
            return
        self._refuse()
        with self._lock:
            self._opened += 1
        if self._asking.acquire(blocking=False):
            try:
                if self._clock() - self._confirmed_at >= _PERIOD_SECONDS:
                    self.confirm()
            finally:
                self._asking.release()

    def before_write(self) -> None:
        """Confirms the cluster where lists or streams were opened since it was.

        Raises:
            ClusterMismatch: it is another one.
            AgentError: the UID cannot be read now.
        """
        self._refuse()
        if self._confirmed != self._opened:
            self.confirm()

    def _refuse(self) -> None:
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

    def _differs(self, uid: str, expected: str) -> None:
        with self._lock:
            if self._mismatch:
                return
            self._mismatch = (
                f"{self._transport.host} is another cluster{' now' if self._uid else ''}: "
                f"its namespace {_NAMESPACE} has the UID {uid}, {expected}"
            )
        _log.error(
            "the cluster is another one; the process ends so that nothing is written there",
            reason=ClusterMismatch.reason,
            error=self._mismatch,
        )
        if self._ends is not None:
            self._ends.set()
