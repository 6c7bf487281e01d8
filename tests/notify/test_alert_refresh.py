from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import LabelSelector
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.mail import SmtpClient
from gitops_agent.notify.alert_refresh import CHECK_SECONDS, EVERY_SECONDS, FIRST_SECONDS, AlertRefresh
from gitops_agent.notify.message import Message
from gitops_agent.notify.sender import Sender
from tests.notify.builders import NOON, Clock, SecretData, message, notifier
from tests.notify.receiver import Handler, Receiver, Told


class Alarms:
    """What fires."""

    def __init__(self) -> None:
        self.ready = True
        self.messages: list[Message] = []

    def firing(self, selector: LabelSelector) -> Sequence[Message]:
        del selector
        return list(self.messages)


class Post:
    """The refresh of one Alertmanager, and its clocks."""

    def __init__(self, receiver: Receiver, **spec: Any) -> None:
        self.alarms, self.clock, self.seconds = Alarms(), Clock(), 0.0
        self.receiver = receiver
        self._notifier = notifier(provider="alertmanager", address=receiver.url.removesuffix("/hook"), **spec)
        http, smtp = HttpClient(timeout_seconds=2.0), SmtpClient(timeout_seconds=2.0)
        sender = Sender(SecretData(), http=http, smtp=smtp, clock=self.clock)
        self.refresh = AlertRefresh(self.alarms, sender, clock=self.clock, monotonic=lambda: self.seconds)

    def wait(self, seconds: float) -> list[tuple[str, timedelta]]:
        """Names of the alerts sent then, and how long they last."""
        self.seconds += seconds
        self.clock.turn(seconds=seconds)
        before = len(self.receiver.told)
        self.refresh.run(self._notifier)
        alerts = [request.json[0] for request in self.receiver.told[before:]]
        ends = [datetime.fromisoformat(alert["endsAt"]) - self.clock.now for alert in alerts]
        return list(zip([alert["labels"]["alertname"] for alert in alerts], ends, strict=True))


DAY = timedelta(hours=24)
DEGRADED = ("GitOpsAgentDegraded", DAY)


def test_what_fires_is_repeated_soon_after_a_start_and_twice_a_day() -> None:
    with Receiver() as receiver:
        post = Post(receiver)
        post.alarms.messages = [message()]
        assert post.wait(1) == []
        assert post.wait(FIRST_SECONDS) == [DEGRADED]
        assert post.wait(CHECK_SECONDS) == []
        assert post.wait(EVERY_SECONDS / 2) == []
        assert post.wait(EVERY_SECONDS / 2) == [DEGRADED]

    assert receiver.told[0].path == "/api/v2/alerts"
    assert receiver.told[0].json[0]["startsAt"] == NOON.isoformat()
    assert receiver.told[0].json[0]["labels"] == receiver.told[1].json[0]["labels"]


def test_a_recovery_that_crossed_the_repeat_wins() -> None:
    with Receiver() as receiver:
        post = Post(receiver)
        post.alarms.messages = [message()]
        post.wait(FIRST_SECONDS)
        post.alarms.messages = []
        assert post.wait(CHECK_SECONDS) == [("GitOpsAgentDegraded", timedelta())]
        assert post.wait(EVERY_SECONDS) == []


def test_what_ended_without_an_event_ends_at_the_next_repeat() -> None:
    with Receiver() as receiver:
        post = Post(receiver)
        post.alarms.messages = [message(), message(EventType.SYNC_FAILED, name="pay")]
        assert len(post.wait(FIRST_SECONDS)) == 2
        post.wait(CHECK_SECONDS)
        post.alarms.messages = [message()]

        assert post.wait(EVERY_SECONDS) == [("GitOpsAgentSyncFailed", timedelta()), DEGRADED]


def test_only_events_of_the_notifier_are_repeated() -> None:
    with Receiver() as receiver:
        post = Post(receiver, events=["SyncFailed", "Synced"])
        post.alarms.messages = [message()]

        assert post.wait(FIRST_SECONDS) == []


def test_nothing_fires_or_ends_before_the_applications_are_known() -> None:
    with Receiver() as receiver:
        post = Post(receiver)
        post.alarms.messages, post.alarms.ready = [message()], False
        assert post.wait(FIRST_SECONDS) == []
        post.alarms.ready = True
        assert post.wait(FIRST_SECONDS) == [DEGRADED]


def test_a_receiver_that_is_away_is_tried_again() -> None:
    def refuse(_: Told, handler: Handler) -> None:
        handler.answer(503)

    with Receiver(refuse, lambda _, handler: handler.answer(200)) as receiver:
        post = Post(receiver)
        post.alarms.messages = [message()]
        assert len(post.wait(FIRST_SECONDS)) == 1
        assert post.refresh.pause() == 300
        assert post.wait(300) == [DEGRADED]
