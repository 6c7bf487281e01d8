"""Elects one leader among the replicas by a Lease, without wall clocks.

Problem: two agents that both act would undo each other, and clocks of nodes differ. Decision: a candidate believes a lease is
dead only when it has itself seen it unchanged for as long as the lease says, on a clock that is never set; a leader counts from
*before* each renewal was sent and stops acting a safety margin earlier than any other candidate could begin. A guard thread
makes that stop happen even while a renewal hangs. A leader that is asked to end renews until its work has ended. A candidate
watches the lease, so that a leader that leaves politely is followed at once, and reads it now and then in case the watch does
not work.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent import futures
from datetime import UTC, datetime
from typing import Any

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError, Conflict, NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.observe.log import logger

_LEASES = Resource(group="coordination.k8s.io", version="v1", kind="Lease", plural="leases", namespaced=True)
_MARGIN = 0.2
"""The part of the duration a leader gives up before others could take over: it must end what it is doing in that time."""
_RELEASE_SECONDS = 3.0
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The monotonic clock of Linux stands still while a machine is suspended, when others may take the lease over."""

_log = logger("cluster")


class Lease:
    """Leadership of one name.

    Args:
        transport: the API server.
        namespace: where the Lease lives.
        name: its name.
        identity: who we are; must differ between processes, also of the same pod.
        duration_seconds: how long a silent leader stays leader.
        renew_seconds: how often a leader says it is alive.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration_seconds: float = 12.0,
        renew_seconds: float = 2.0,
    ) -> None:
        if not 0 < renew_seconds < duration_seconds * (1 - _MARGIN) / 2:
            raise ValueError("a lease must be renewed at least twice before its leader gives up")
        self._transport = transport
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._duration = duration_seconds
        self._renew = renew_seconds
        self._path = _LEASES.path(namespace, name)
        self._changed = threading.Condition()
        self._deadline = 0.0
        self._leading = False
        self._leaving = False
        self._ending = False
        self._over = False
        self._seen = ("", "", 0.0)
        self._mine: Object | None = None
        self._wake = threading.Event()
        self._on_start: Callable[[], object] = bool
        self._on_stop: Callable[[], object] = bool

    def run(self, stop: threading.Event, on_start: Callable[[], object], on_stop: Callable[[], object]) -> None:
        """Competes until `stop` is set, then releases the lease.

        Args:
            stop: ends it; noticed within a fifth of a second.
            on_start: called when this process becomes the leader; must return at once.
            on_stop: called when it ends or no longer is; may take long. After `stop` the lease is renewed until it has
                returned, and then released. When the lease is lost, nothing is renewed before it has returned, and when the
                API server does not answer in time it runs in another thread. Each call of one follows a call of the other.
        """
        self._on_start, self._on_stop = on_start, on_stop
        self._over = self._leaving = False
        guard = threading.Thread(target=self._guard, name="leader-guard", daemon=True)
        guard.start()
        watch = Watch(
            self._transport,
            _LEASES,
            self,
            options=WatchOptions(namespace=self._namespace, field_selector=f"metadata.name={self._name}", name="watch-leader"),
        )
        watch.start()
        try:
            while not stop.is_set():
                pause = self._turn()
                self._wait(stop, pause)
        finally:
            self._leave()
            watch.stop()
            with self._changed:
                self._over = True
                self._changed.notify_all()
            guard.join()
            if self._mine is not None:
                self._release()

    @property
    def held(self) -> bool:
        """Whether this process may act now.

        Counts on a clock that is never set and needs no answer from the API server. It never waits, so writes may ask it
        while a leadership ends. A leader that ends by itself may act until `on_stop` has returned, but no longer than the last
        renewal allows.
        """
        return _seconds() < self._deadline

    def _turn(self) -> float:
        """Reads or renews the lease once; returns the seconds until the next."""
        with self._changed:
            self._changed.wait_for(lambda: not self._ending)
        self._wake.clear()
        began = _seconds()
        try:
            if self._mine is not None and self._leading:
                self._write("PUT", self._renewed(self._mine), began)
                return max(0.05, self._renew - (_seconds() - began))
            lease = self._read()
            if lease is None:
                self._transport.identity.confirm(timeout=self._patience())
                self._write("POST", self._fresh(), began)
                return self._renew
            return self._contend(lease, began)
        except (Conflict, NotFound) as error:
            # Another candidate was faster, or the object was edited or deleted: read again at once.
            self._mine = None
            return 0.05 if error.code != "NamespaceNotFound" else self._renew
        except AgentError as error:
            _log.warning(
                "leader lease not reached", lease=f"{self._namespace}/{self._name}", leading=self._leading, error=error
            )
            return min(self._renew, 1.0) if self._leading else self._renew

    def _contend(self, lease: Object, began: float) -> float:
        spec = lease.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        version = str((lease.get("metadata") or {}).get("resourceVersion") or "")
        if holder == self._identity:
            self._write("PUT", self._renewed(lease), began)
            return self._renew
        self._end_leadership(f"the lease belongs to {holder or 'nobody'}")
        if self._leaving:
            return self._renew
        now = _seconds()
        last = self._seen
        if last[:2] != (holder, version):
            last = self._seen = (holder, version, now)
        expires = last[2] + float(spec.get("leaseDurationSeconds") or self._duration)
        if holder and now < expires:
            # Between our own reads the watch reports; right at the end we read ourselves.
            return min(self._duration / 2, expires - now)
        self._transport.identity.confirm(timeout=self._patience())
        self._write("PUT", self._taken(lease), began)
        return self._renew

    def _read(self) -> Object | None:
        try:
            lease: Object = self._transport.request("GET", self._path, timeout=self._patience())
        except NotFound as error:
            if error.code == "NamespaceNotFound":
                raise
            return None
        return lease

    def _write(self, method: str, lease: Object, began: float) -> None:
        path = self._path if method == "PUT" else _LEASES.path(self._namespace)
        self._mine = self._transport.request(method, path, body=lease, timeout=self._patience())
        with self._changed:
            if self._ending or (self._leaving and not self._leading):
                return
            self._deadline = began + self._duration * (1 - _MARGIN)
            first = not self._leading and _seconds() < self._deadline
            self._leading = self._leading or first
            self._changed.notify_all()
            if first:
                _log.info("leadership acquired", lease=f"{self._namespace}/{self._name}", identity=self._identity)
                self._on_start()

    def _patience(self) -> float:
        """Timeout of a request, in seconds.

        A renewal may take what is left of the leadership but one interval, which is for another attempt: an API server that is
        only slow costs no restart, which would add to its load.
        """
        if self._leading:
            left = self._deadline - _seconds()
            return max(0.1, left / 2, left - self._renew)
        return max(self._renew * 1.5, self._duration / 2)

    def _leave(self) -> None:
        """Ends the leadership as asked; renews the lease until `on_stop` is done.

        A lease that is lost meanwhile is not sought again.
        """
        with self._changed:
            leading, self._leaving = self._leading, True
            if not leading:
                return
            due = self._deadline - self._duration * (1 - _MARGIN) + self._renew
        with futures.ThreadPoolExecutor(1, thread_name_prefix="leader-end") as pool:
            ended = pool.submit(self._on_stop)
            pause = max(0.0, due - _seconds())
            while self._leading and not futures.wait((ended,), pause).done:
                pause = self._turn()
        self._end_leadership("stopped")
        ended.result()

    def _end_leadership(self, why: str) -> None:
        """Ends the leadership, and calls `on_stop` unless that is under way.

        It may take long, so it is called without the lock.
        """
        with self._changed:
            if not self._leading:
                return
            self._leading = False
            self._deadline = 0.0
            self._ending = not self._leaving
            self._changed.notify_all()
            _log.warning("leadership lost", lease=f"{self._namespace}/{self._name}", identity=self._identity, why=why)
            if not self._ending:
                return
        try:
            self._on_stop()
        finally:
            with self._changed:
                self._ending = False
                self._changed.notify_all()

    def _guard(self) -> None:
        """Ends the leadership in time, whatever the renewing thread is blocked in."""
        while True:
            with self._changed:
                if self._over:
                    return
                left = self._deadline - _seconds() if self._leading else None
                if left is None or left > 0:
                    # Waits do not count the time a machine is suspended, so that none of them is long.
                    self._changed.wait(None if left is None else min(left, self._renew))
                    continue
            self._end_leadership("not renewed in time")

    def _wait(self, stop: threading.Event, seconds: float) -> None:
        deadline = _seconds() + seconds
        while not stop.is_set() and (left := deadline - _seconds()) > 0:
            if self._leading:
                stop.wait(left)
            elif self._wake.wait(min(left, 0.2)):
                return

    def on_sync(self, _leases: list[Object], _resource_version: str) -> None:
        """A list: a candidate reads the lease at once."""
        self._wake.set()

    def on_error(self, _error: AgentError) -> None:
        """Without a watch a candidate reads at its own interval."""

    def on_event(self, kind: str, lease: Object) -> None:
        """A changed lease: a candidate reads a released one at once.

        Otherwise it only notes the time.
        """
        spec: dict[str, Any] = lease.get("spec") or {}
        if kind == "DELETED" or not spec.get("holderIdentity"):
            self._wake.set()
            return
        version = str((lease.get("metadata") or {}).get("resourceVersion") or "")
        self._seen = (str(spec["holderIdentity"]), version, _seconds())

    def _release(self) -> None:
        deadline = _seconds() + _RELEASE_SECONDS
        while _seconds() < deadline:
            try:
                lease = self._transport.request("GET", self._path, timeout=_RELEASE_SECONDS)
                spec = lease.get("spec") or {}
                if spec.get("holderIdentity") != self._identity:
                    return
                freed = {**lease, "spec": {**spec, "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}}
                self._transport.request("PUT", self._path, body=freed, timeout=_RELEASE_SECONDS)
            except Conflict:
                continue
            except AgentError as error:
                _log.warning("leader lease not released", lease=f"{self._namespace}/{self._name}", error=error)
            return

    def _fresh(self) -> Object:
        return {
            "apiVersion": _LEASES.api_version,
            "kind": _LEASES.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec(transitions=0),
        }

    def _renewed(self, lease: Object) -> Object:
        spec = {**lease["spec"], "renewTime": _now(), "leaseDurationSeconds": math.ceil(self._duration)}
        return {**lease, "spec": spec}

    def _taken(self, lease: Object) -> Object:
        before = lease.get("spec") or {}
        return {**lease, "spec": self._spec(transitions=int(before.get("leaseTransitions") or 0) + 1)}

    def _spec(self, *, transitions: int) -> Object:
        now = _now()
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": math.ceil(self._duration),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }


def _seconds() -> float:
    """Seconds of a clock that a suspended machine does not stop."""
    return time.clock_gettime(_CLOCK)


def _now() -> str:
    """For people: no decision is taken from it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
