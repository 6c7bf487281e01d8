"""Delivers one outbox in order, on a thread of its own.

A receiver that hangs or refuses delays its own messages and no others. What may pass later (no answer, 408, 429, 5xx) is
tried again with exponential back-off and full jitter, or when the receiver said so, for a day; what will not pass is given up
at once, counted, and said in the Notifier's condition Ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitops_agent.api.notifier import Notifier
from gitops_agent.backoff import Backoff
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import DeliveryError
from gitops_agent.notify.alert_refresh import AlertRefresh
from gitops_agent.notify.living_messages import is_of_commit
from gitops_agent.notify.outbox import Outbox
from gitops_agent.notify.pending_messages import Entry
from gitops_agent.notify.providers import PROVIDERS
from gitops_agent.notify.sender import Sender, Sent
from gitops_agent.observe import metrics
from gitops_agent.observe.log import logger

_log = logger("notify")
_FLUSH_SECONDS = 1.0
_FLUSH_AGAIN_SECONDS = 5.0
_FAILURES_UNTIL_TOLD = 3
_RETRY_AFTER_LIMIT = 3600.0
_MESSAGE = 300
_CORRECTABLE = frozenset({"SecretNotFound", "SecretInvalid", "SecretHostRefused", "HostRefused"})
"""Reasons that a user's correction elsewhere than in the Notifier removes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long and how often the same message is tried.

    Attributes:
        timeout_seconds: how long a receiver may take for one attempt.
        first_seconds: the upper bound of the first pause; doubled with every failure.
        longest_seconds: the upper bound of every pause.
        give_up: after which age a message is given up.
    """

    timeout_seconds: float = 10.0
    first_seconds: float = 1.0
    longest_seconds: float = 300.0
    give_up: timedelta = timedelta(hours=24)

    def pause(self, failures: int, *, asked: float | None = None) -> float:
        """Seconds until the next attempt, with full jitter.

        It is never earlier than the receiver asked, up to an hour.
        """
        backoff = Backoff(first_seconds=self.first_seconds, longest_seconds=self.longest_seconds, floor=0.0)
        return backoff.pause(failures, at_least=min(asked or 0.0, _RETRY_AFTER_LIMIT))


class DeliveryWorker:
    """The thread of one Notifier.

    Args:
        outbox: what is to be delivered.
        sender: makes the attempts, of this worker alone.
        clock: aware time, UTC.
        retry: how long and how often a message is tried.
        alerts: repeats what fires; None for receivers that remember.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        sender: Sender,
        clock: Callable[[], datetime],
        retry: RetryPolicy,
        alerts: AlertRefresh | None = None,
    ) -> None:
        self.outbox, self._alerts = outbox, alerts
        self._sender, self._clock, self._retry = sender, clock, retry
        self._stopping = threading.Event()
        self._failures = 0
        self._retry_at = self._flush_at = 0.0
        key = outbox.notifier.key
        self._thread = threading.Thread(target=self._run, name=f"notify-{key.namespace}-{key.name}", daemon=True)

    def start(self) -> None:
        """Starts delivering."""
        self._thread.start()

    @property
    def notifier(self) -> Notifier:
        """The Notifier as it is now."""
        return self.outbox.notifier

    def update(self, notifier: Notifier) -> None:
        """Takes a newer form of the Notifier; its spec counts at once."""
        fresh = self.outbox.notifier.spec != notifier.spec
        self.outbox.notifier = notifier
        if fresh:
            self._retry_at = 0.0
        if fresh or self.outbox.test_request():
            self.outbox.changed.set()

    def ask_to_stop(self) -> None:
        """Lets the attempt under way end, begins no other."""
        self._stopping.set()
        self.outbox.changed.set()

    def join(self, seconds: float) -> None:
        """Waits for the end; aborts an attempt that takes longer."""
        if self._thread.ident is None:
            return
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            self._sender.abort()
            self._thread.join(1.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.outbox.changed.clear()
            if request := self.outbox.test_request():
                self._test(request)
            entry = self.outbox.take() if time.monotonic() >= self._retry_at else None
            if entry is not None:
                try:
                    self._attempt(entry)
                except Exception as error:  # noqa: BLE001 - one bad message must not end the thread of its receiver
                    _log.exception("a notification failed unexpectedly", notifier=str(self.outbox.notifier.key))
                    self._refused(entry, DeliveryError(f"unexpected {type(error).__name__}", transient=False))
            if entry is None or time.monotonic() >= self._flush_at:
                self._flush()
            if entry is None and self._alerts is not None:
                self._alerts.run(self.notifier)
            if entry is None:
                self.outbox.changed.wait(self._idle_seconds())
        self._flush()

    def _idle_seconds(self) -> float | None:
        """How long nothing is to be done, None until something changes."""
        now = time.monotonic()
        moments = [self._retry_at - now] if self._retry_at > now else []
        if (folded := self.outbox.seconds_to_next()) is not None:
            moments.append(max(folded, moments[0] if moments else 0.0))
        if self.outbox.dirty:
            moments.append(max(0.05, self._flush_at - now))
        if self._alerts is not None:
            moments.append(self._alerts.pause())
        return max(0.01, min(moments)) if moments else None

    def _flush(self) -> None:
        """Removes delivered messages from the status.

        Not when that failed a moment ago.
        """
        now = time.monotonic()
        if not self.outbox.dirty or (now < self._flush_at and not self._stopping.is_set()):
            return
        try:
            self.outbox.flush()
            self._flush_at = now + _FLUSH_SECONDS
        except AgentError as error:
            self._flush_at = now + _FLUSH_AGAIN_SECONDS
            _log.warning("deliveries cannot be recorded", notifier=str(self.outbox.notifier.key), error=error)

    def _attempt(self, entry: Entry) -> None:
        spec = self.outbox.notifier.spec
        provider = PROVIDERS[spec.provider]
        if not provider.speaks_of(entry.message, spec):
            self.outbox.skip(entry)
            return
        living = None
        if is_of_commit(entry.message) and self._sender.edits(self.outbox.notifier):
            living = self.outbox.living(entry)
            if living is None:
                return
        try:
            sent = self._sender.send(self.outbox.notifier, entry.message, living)
        except AgentError as error:
            self._refused(entry, error)
            return
        self._failures, self._retry_at = 0, 0.0
        self.outbox.delivered(entry, living and replace(living, id=sent.id))
        metrics.NOTIFICATIONS.labels(str(self.outbox.notifier.key), "delivered").inc()
        self._report(sent)
        _log.info("notified", notifier=str(self.outbox.notifier.key), edge=entry.message.event.value, id=entry.id)

    def _test(self, request: str) -> None:
        """Sends the message of a test once, whatever waits for the receiver."""
        notifier = self.outbox.notifier
        try:
            sent = self._sender.test(notifier, request)
        except AgentError as error:
            self.outbox.answer_test(request, delivered=False, reason=error.reason, message=error.message[:_MESSAGE])
            _log.info("a test message was not delivered", notifier=str(notifier.key), error=error)
        except Exception as error:  # noqa: BLE001 - as above
            text = f"unexpected {type(error).__name__}"
            self.outbox.answer_test(request, delivered=False, reason=DeliveryError.reason, message=text)
            _log.exception("a test message failed unexpectedly", notifier=str(notifier.key))
        else:
            self._retry_at = 0.0
            but = f", but not for {sent.refused}"[:_MESSAGE] if sent.refused else ""
            text = sent.broken or f"the receiver took the message{but}"
            self.outbox.answer_test(request, delivered=True, reason="Ready", message=text)
            self._report(sent)

    def _report(self, sent: Sent) -> None:
        if sent.broken:
            text = f"{sent.broken}; messages are sent in the default form"
            self.outbox.report(ready=False, reason="TemplateFailed", message=text)
        else:
            but = f", but not for {sent.refused}"[:_MESSAGE] if sent.refused else ""
            self.outbox.report(ready=True, reason="Ready", message=f"the receiver takes messages{but}")

    def _refused(self, entry: Entry, error: AgentError) -> None:
        """Schedules the next attempt, or drops the message.

        A missing or incomplete Secret, and a host that is not allowed, are retried like a failing receiver.
        """
        waits = error.transient or error.reason in _CORRECTABLE
        born = max(moment for moment in (entry.message.at, entry.not_before) if moment is not None)
        late = self._clock() - born >= self._retry.give_up
        text = error.message[:_MESSAGE]
        if not waits or late:
            self._failures, self._retry_at = 0, 0.0
            age = f" (given up after {self._retry.give_up})" if waits else ""
            # The reason before the count: a status that is written in between counts nothing without saying why.
            self.outbox.report_failure(error.reason, f"{entry.message.title}: {text}{age}")
            self.outbox.give_up(entry)
            metrics.NOTIFICATIONS.labels(str(self.outbox.notifier.key), "dropped").inc()
            _log.warning("a notification was given up", notifier=str(self.outbox.notifier.key), id=entry.id, error=text)
            return
        self._failures += 1
        metrics.NOTIFICATIONS.labels(str(self.outbox.notifier.key), "failed").inc()
        retry_after = error.retry_after if isinstance(error, DeliveryError) else None
        self._retry_at = time.monotonic() + self._retry.pause(self._failures, asked=retry_after)
        if self._failures >= _FAILURES_UNTIL_TOLD or not error.transient:
            self.outbox.report_failure(error.reason, f"tried again: {text}")
        _log.debug("a notification is tried again", notifier=str(self.outbox.notifier.key), id=entry.id, error=text)
