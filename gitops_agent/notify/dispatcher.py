"""Dispatches events to outboxes of Notifiers, without waiting for receivers.

At-least-once, across a restart and across replicas: `save` returns when every message is in the status of its Notifier; only
then does the agent write the Application's status, which is what makes the edge an old one. Only the leader saves and delivers;
what its predecessor left pending comes in with the Notifiers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gitops_agent.api.notifier import Notifier
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import SecretReader
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Event
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.mail import SmtpClient
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.alert_refresh import AlertRefresh, Levels, NoLevels
from gitops_agent.notify.commit_board import CommitBoard, NoCommits
from gitops_agent.notify.commit_status_worker import CommitStatusOptions, CommitStatusWorker
from gitops_agent.notify.delivery_worker import DeliveryWorker, RetryPolicy
from gitops_agent.notify.message import Message
from gitops_agent.notify.outbox import Admission, Outbox
from gitops_agent.notify.pending_messages import LIMIT
from gitops_agent.notify.providers import FORGES, PROVIDERS, REPEATED
from gitops_agent.notify.routing import wants
from gitops_agent.notify.sender import Sender

_UID_DIGITS = 8
"""Of the cluster's UID, where it has no name."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchOptions:
    """What holds for all Notifiers.

    Attributes:
        limit: how many messages may wait for one receiver.
        hosts: those that receivers may have.
        external_url: where people reach the dashboard; messages link to it.
        cluster: its name; the start of its UID when empty.
        buttons: whether messages of Slack have buttons.
        levels: what is wrong with Applications now, for receivers that forget.
    """

    limit: int = LIMIT
    hosts: AllowedHosts = ANYWHERE
    external_url: str = ""
    cluster: str = ""
    buttons: bool = False
    levels: Levels = field(default_factory=NoLevels)


class NotificationDispatcher:
    """Saves events for the Notifiers that match, and delivers them; thread-safe.

    Args:
        objects: the cluster, for the statuses of Notifiers.
        secrets: hold the credentials of receivers.
        clock: aware time, UTC.
        retry: how long and how often a message is tried.
        options: what holds for all Notifiers.
        board: knows where Applications stand, for the forges.
    """

    def __init__(
        self,
        objects: Objects,
        secrets: SecretReader,
        *,
        clock: Callable[[], datetime] = _now,
        retry: RetryPolicy | None = None,
        options: DispatchOptions | None = None,
        board: CommitBoard | None = None,
    ) -> None:
        self._objects, self._secrets, self._clock = objects, secrets, clock
        self._retry, self._options, self._board = retry or RetryPolicy(), options or DispatchOptions(), board or NoCommits()
        self._lock = threading.Lock()
        self._couriers: dict[AppKey, DeliveryWorker | CommitStatusWorker] = {}
        self._started = self._stopped = False

    def set_notifier(self, notifier: Notifier) -> None:
        """Adds a Notifier with its pending messages, or updates its spec."""
        with self._lock:
            present = self._couriers.get(notifier.key)
            if present is not None and present.notifier.uid == notifier.uid and _kind(present.notifier) == _kind(notifier):
                present.update(notifier)
                return
            if present is not None:
                present.ask_to_stop()
            courier = self._couriers[notifier.key] = self._courier(notifier)
            if self._started:
                courier.start()

    def remove_notifier(self, key: AppKey) -> None:
        """Removes a Notifier; its pending messages are not sent."""
        with self._lock:
            courier = self._couriers.pop(key, None)
        if courier is not None:
            courier.ask_to_stop()

    def save(self, events: Iterable[Event], labels: Mapping[str, str]) -> None:
        """Saves events in the status of each matching Notifier; delivers later.

        Args:
            events: edges of one application.
            labels: of that application.

        Raises:
            AgentError: the API server did not take them (now); the same call may be repeated and counts once.
        """
        edges = tuple(events)
        with self._lock:
            if self._stopped:
                raise AgentError("the agent is stopping and takes no more notifications", transient=True)
            outboxes = [courier.outbox for courier in self._couriers.values() if isinstance(courier, DeliveryWorker)]
        admitted: list[tuple[Outbox, Admission]] = []
        for outbox in outboxes:
            spec = outbox.notifier.spec
            messages = [Message.of(event) for event in edges if wants(outbox.notifier, event, labels)]
            admission = outbox.admit([message for message in messages if PROVIDERS[spec.provider].speaks_of(message, spec)])
            admitted.append((outbox, admission))
        for position, (outbox, admission) in enumerate(admitted):
            try:
                outbox.store(admission)
            except AgentError:
                for stored, earlier in admitted[:position]:
                    stored.expect(earlier)
                for lost, unknown in admitted[position:]:
                    lost.retract(unknown)
                raise

    def start(self) -> None:
        """Starts delivering."""
        with self._lock:
            self._started, self._stopped = True, False
            for courier in self._couriers.values():
                courier.start()

    def stop(self, deadline: float = 5.0) -> None:
        """Stops the delivery; undelivered messages stay for the next leader.

        Args:
            deadline: seconds for the attempts that are under way.
        """
        with self._lock:
            couriers = list(self._couriers.values())
            self._couriers.clear()
            self._started, self._stopped = False, True
        end = time.monotonic() + deadline
        for courier in couriers:
            courier.ask_to_stop()
        for courier in couriers:
            courier.join(end - time.monotonic())

    def _courier(self, notifier: Notifier) -> DeliveryWorker | CommitStatusWorker:
        http = HttpClient(timeout_seconds=self._retry.timeout_seconds, hosts=self._options.hosts)
        if notifier.spec.provider in FORGES:
            options = CommitStatusOptions(
                cluster=self._options.cluster or self._objects.transport.identity.uid[:_UID_DIGITS],
                external_url=self._options.external_url,
                retry=self._retry,
                clock=self._clock,
            )
            return CommitStatusWorker(notifier, self._objects, self._secrets, http=http, board=self._board, options=options)
        given = self._options
        smtp = SmtpClient(timeout_seconds=self._retry.timeout_seconds, hosts=given.hosts)
        sender = Sender(
            self._secrets,
            http=http,
            smtp=smtp,
            clock=self._clock,
            external_url=given.external_url,
            buttons=given.buttons,
        )
        outbox = Outbox(self._objects, notifier, clock=self._clock, limit=min(self._options.limit, LIMIT))
        repeated = notifier.spec.provider in REPEATED
        alerts = AlertRefresh(self._options.levels, sender, clock=self._clock) if repeated else None
        return DeliveryWorker(outbox, sender=sender, clock=self._clock, retry=self._retry, alerts=alerts)


def _kind(notifier: Notifier) -> tuple[bool, bool]:
    """Whether it gets statuses of commits, and whether alerts are repeated."""
    return notifier.spec.provider in FORGES, notifier.spec.provider in REPEATED
