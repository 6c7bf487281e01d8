"""Judges deliveries: sender, novelty, and the repositories they name.

Problem: this is the one place where the network may speak to the agent unasked. Decision: the proof comes before the payload is
parsed; everything without a proof gets the same answer, so that a stranger learns neither which senders are configured nor
whether a signature was close; a delivery that comes again does nothing; what is accepted ends in a poll of repositories that
Applications follow, and in nothing else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import orjson

from gitops_agent.observe.log import logger
from gitops_agent.observe.metrics import WEBHOOKS
from gitops_agent.server.webhooks.delivery import Delivery, Push
from gitops_agent.server.webhooks.providers import PROVIDERS

_log = logger("webhooks")
_REMEMBERED = timedelta(hours=1)
_MOST_IDS = 10_000
_LONGEST_ID = 256


class Verdict(StrEnum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    REPEATED = "repeated"
    REFUSED = "refused"
    NOT_LEADING = "not-leading"


class PushSink(Protocol):
    """Takes what authentic deliveries say."""

    def secrets(self) -> Mapping[str, bytes] | None:
        """The secrets by sender, one a line; None for a follower."""
        ...

    def pushed(self, push: Push) -> None:
        """Polls the repositories of a push, soon."""
        ...


class WebhookReceiver:
    """Judges deliveries; thread-safe.

    Args:
        sink: holds the secrets and takes what was pushed.
    """

    def __init__(self, sink: PushSink) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    def receive(self, sender: str, delivery: Delivery) -> Verdict:
        """Judges one delivery, and passes its push on.

        Args:
            sender: the last part of the path.
            delivery: what came.
        """
        verdict = self._judge(sender, delivery)
        WEBHOOKS.labels(sender if sender in PROVIDERS else "unknown", verdict.value).inc()
        return verdict

    def _judge(self, sender: str, delivery: Delivery) -> Verdict:
        secrets = self._sink.secrets()
        if secrets is None:
            return Verdict.NOT_LEADING
        provider = PROVIDERS.get(sender)
        keys = [line.strip() for line in secrets.get(sender, b"").splitlines() if line.strip()]
        if provider is None or not keys or not provider.authentic(delivery, keys):
            _log.info("webhook refused", sender=sender[:40])
            return Verdict.REFUSED
        if self._repeated(sender, provider.delivery_id(delivery), delivery.at):
            return Verdict.REPEATED
        try:
            document = orjson.loads(delivery.body)
        except orjson.JSONDecodeError:
            return Verdict.IGNORED
        push = provider.push(delivery, document)
        if push is None:
            return Verdict.IGNORED
        self._sink.pushed(push)
        return Verdict.ACCEPTED

    def _repeated(self, sender: str, id_: str, now: datetime) -> bool:
        """Whether a delivery of that id came within the last hour."""
        if not id_:
            return False
        with self._lock:
            while self._seen and (now - next(iter(self._seen.values())) > _REMEMBERED or len(self._seen) >= _MOST_IDS):
                self._seen.popitem(last=False)
            if (sender, id_[:_LONGEST_ID]) in self._seen:
                return True
            self._seen[sender, id_[:_LONGEST_ID]] = now
            return False
