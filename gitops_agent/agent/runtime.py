"""Replica of the agent: leader election, liveness, readiness.

A replica that is not the leader holds nothing but the lease's watch and the probes. The leader runs all components. A leader
that loses its lease, or whose API server is suddenly another cluster, ends the process: it must not act on its caches of the
cluster any more, and the supervisor restarts it.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid

from gitops_agent.agent.components import Components
from gitops_agent.agent.desired.push_hints import PushHints
from gitops_agent.agent.leader_label import LeaderLabel
from gitops_agent.agent.ports import Observer
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.fence import UNFENCED, Fence
from gitops_agent.cluster.lease import Lease
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.errors import AgentError
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger
from gitops_agent.observe.thread_failures import ThreadFailures

_log = logger("agent")


class Runtime:
    """One replica of the agent: leads or follows.

    Args:
        settings: the effective configuration.
        transport: to the API server, as the agent.
        failures: the threads of the process that ended by an exception.
    """

    def __init__(self, settings: Settings, transport: Transport, failures: ThreadFailures | None = None) -> None:
        self._settings, self._transport = settings, transport
        self._failures = failures or ThreadFailures()
        self._identity = f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        self._stop = threading.Event()
        self._leading = threading.Event()
        self._lost = threading.Event()
        self._components: Components | None = None
        self._observer: Observer | None = None
        self._fence: Fence = UNFENCED
        self._leader_label = self._label()
        transport.identity.ends(self._stop)
        transport.identity.expect(settings.cluster.uid)

    def run(self) -> int:
        """Runs until `stop`; returns 0, or 1 when leadership ended before."""
        settings = self._settings
        _log.info("starting", identity=self._identity, server=self._transport.host, namespace=settings.cluster.namespace)
        if settings.cluster.uid and self._elsewhere():
            return self._code()
        if self._leader_label is not None:
            self._leader_label.stop()
        if not settings.leader.enabled:
            self._lead()
            self._stop.wait()
            self._unlead()
            return self._code()
        self._fence = lease = Lease(
            self._transport,
            namespace=settings.cluster.namespace,
            name=settings.leader.lease_name,
            identity=self._identity,
            duration_seconds=settings.leader.duration_seconds,
            renew_seconds=settings.leader.renew_seconds,
        )
        lease.run(self._stop, self._lead, self._unlead_or_die)
        return self._code()

    def _elsewhere(self) -> bool:
        """Whether this is another cluster than the settings name.

        A replica that only followed would be ready, and an update that brings it would go on. While the API server does not
        answer, the leader finds out.
        """
        try:
            self._transport.identity.pin()
        except AgentError as error:
            _log.warning("the cluster cannot be compared with the setting cluster.uid now", error=error)
        return bool(self._transport.identity.mismatch)

    def _code(self) -> int:
        return 1 if self._lost.is_set() or self._transport.identity.mismatch else 0

    def stop(self) -> None:
        """Requests a graceful end, from any thread."""
        self._stop.set()

    def alive(self) -> tuple[bool, str]:
        """Liveness: false only for a failure that a restart fixes."""
        components = self._components
        if self._failures.first:
            return False, f"the thread {self._failures.first} has failed"
        failure = components.failure() if components is not None else ""
        return (False, failure) if failure else (True, "ok")

    def ready(self) -> tuple[bool, str]:
        """Readiness: leading, or ready to follow."""
        if self._leading.is_set():
            return True, "leading"
        return (not self._stop.is_set()), "following"

    @property
    def leading(self) -> bool:
        """Whether this replica leads."""
        return self._leading.is_set()

    @property
    def hints(self) -> PushHints | None:
        """Takes the hints of webhooks; None while this replica follows."""
        components = self._components
        return components.hints if components is not None and self.leading else None

    @property
    def stores(self) -> Stores | None:
        """What the leader knows; None while this replica does not lead."""
        components = self._components
        return components.stores if components is not None and self.leading else None

    @property
    def takes_webhooks(self) -> bool:
        """Whether the settings let webhooks in."""
        return self._settings.webhooks.enabled

    @property
    def components(self) -> Components | None:
        """What the leader runs; None while this replica does not lead."""
        return self._components if self.leading else None

    def observe(self, observer: Observer) -> None:
        """Sets who learns of changes of Applications, in every term to come."""
        self._observer = observer

    def _label(self) -> LeaderLabel | None:
        """Labels this pod while it leads; None without a Service for it."""
        settings = self._settings
        if not settings.webhooks.enabled and not settings.dashboard.enabled and not settings.chat.slack:
            return None
        objects = Objects(self._transport, Discovery(self._transport))
        return LeaderLabel(objects, settings.cluster.namespace, os.environ.get("POD_NAME", ""))

    def _lead(self) -> None:
        _log.info("leading", identity=self._identity)
        metrics.LEADER.set(1)
        self._components = Components(self._settings, self._transport, fence=self._fence)
        self._components.stores.applications.observer = self._observer
        self._components.stores.policies.observer = self._observer
        self._components.start()
        self._leading.set()
        if self._leader_label is not None:
            self._leader_label.start()

    def _unlead(self) -> None:
        self._leading.clear()
        if self._leader_label is not None:
            self._leader_label.stop()
        metrics.LEADER.set(0)
        components, self._components = self._components, None
        if components is not None:
            components.stop()
        _log.info("no longer leading", identity=self._identity)

    def _unlead_or_die(self) -> None:
        if not self._stop.is_set():
            _log.error("leadership was lost; the process ends so that nothing acts on outdated state")
            self._lost.set()
            self._stop.set()
        self._unlead()
