from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.manifest.marks import TEST_REQUESTED
from gitops_agent.notify.delivery_worker import RetryPolicy
from gitops_agent.notify.dispatcher import DispatchOptions, NotificationDispatcher
from gitops_agent.notify.signed_post import signature
from tests.notify.builders import event
from tests.notify.conftest import QUICK, Desk
from tests.notify.receiver import Handler, Receiver, Script, Told, accept
from tests.waiting import LIMIT_SECONDS, eventually


def answering(status: int, body: bytes = b"", **headers: str) -> Script:
    def script(_: Told, handler: Handler) -> None:
        handler.answer(status, body, **headers)

    return script


def happened(desk: Desk, type_: EventType = EventType.DEGRADED, **fields: Any) -> Any:
    known: dict[str, Any] = {"namespace": desk.namespace, "at": datetime.now(UTC)}
    return event(type_, **known | fields)


@pytest.mark.parametrize("failures", [1, 2, 5, 40])
def test_pauses_grow_to_a_bound_and_are_spread(failures: int) -> None:
    patience = RetryPolicy(first_seconds=1, longest_seconds=300)

    pauses = [patience.pause(failures) for _ in range(50)]

    assert all(0 <= pause <= min(300, 2.0 ** (failures - 1)) for pause in pauses)
    assert len(set(pauses)) > 40


def test_no_receiver_is_called_before_its_retry_after_which_is_capped() -> None:
    assert RetryPolicy().pause(1, asked=30) >= 30
    assert RetryPolicy().pause(1, asked=10**9) <= 3600


@pytest.mark.cluster
def test_a_message_arrives_signed_and_leaves_the_status(desk: Desk) -> None:
    desk.secrets["hook"] = {"hmac": b"key"}
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url, secretRef={"name": "hook"}))
        room.save([happened(desk)], {})

        request = eventually(lambda: receiver.told)[0]
        eventually(lambda: desk.status().get("delivered") == 1)

    expected = signature(b"key", request.headers["x-gitops-agent-timestamp"], request.body)
    assert request.headers["x-gitops-agent-signature"] == expected
    assert request.json["title"] == f"{desk.namespace}/shop: degraded"
    assert desk.status()["pending"] == []
    assert (desk.ready()["status"], desk.ready()["reason"]) == ("True", "Ready")


@pytest.mark.cluster
def test_a_receiver_that_was_down_for_a_moment_gets_another_attempt(desk: Desk) -> None:
    with Receiver(answering(500), answering(503), accept) as receiver:
        desk.notifications(desk.make(address=receiver.url)).save([happened(desk)], {})
        eventually(lambda: desk.status().get("delivered") == 1)

        assert len({request.headers["x-gitops-agent-id"] for request in receiver.told}) == 1
        assert len(receiver.told) == 3


@pytest.mark.cluster
def test_a_receiver_says_when_to_come_again(desk: Desk) -> None:
    with Receiver(answering(429, retry_after="1"), accept) as receiver:
        desk.notifications(desk.make(address=receiver.url)).save([happened(desk)], {})
        eventually(lambda: receiver.told)
        asked = time.monotonic()
        eventually(lambda: len(receiver.told) == 2)

        assert time.monotonic() - asked > 0.9


@pytest.mark.cluster
def test_a_refusal_for_good_is_given_up_counted_and_said(desk: Desk) -> None:
    with Receiver(answering(404, b"no such hook"), accept) as receiver:
        room = desk.notifications(desk.make(address=receiver.url))
        room.save([happened(desk)], {})
        eventually(lambda: desk.status().get("dropped") == 1)

        ready = desk.ready()
        assert (ready["status"], ready["reason"]) == ("False", "DeliveryFailed")
        assert "404: no such hook" in ready["message"]
        assert desk.status()["lastFailure"] == {
            "at": desk.status()["lastFailure"]["at"],
            "reason": "DeliveryFailed",
            "message": ready["message"],
        }
        room.save([happened(desk, EventType.SYNCED)], {})
        eventually(lambda: desk.ready()["status"] == "True")
        assert len(receiver.told) == 2
        assert "404" in desk.status()["lastFailure"]["message"]


@pytest.mark.cluster
def test_what_a_receiver_repeats_of_its_credentials_is_hidden(desk: Desk) -> None:
    desk.secrets["hook"] = {"token": b"hunter22hunter22"}
    with Receiver(answering(401, b"unknown: hunter22hunter22")) as receiver:
        room = desk.notifications(desk.make(address=receiver.url, secretRef={"name": "hook"}))
        room.save([happened(desk)], {})
        eventually(lambda: desk.ready().get("status") == "False")

    assert "401" in desk.ready()["message"]
    assert "hunter22" not in str(desk.status())


@pytest.mark.cluster
def test_a_message_that_became_too_old_is_given_up(desk: Desk) -> None:
    patience = RetryPolicy(timeout_seconds=2.0, first_seconds=0.01, longest_seconds=0.02, give_up=timedelta(seconds=1))
    with Receiver(answering(500)) as receiver:
        room = desk.notifications(desk.make(address=receiver.url), retry=patience)
        room.save([happened(desk)], {})
        eventually(lambda: desk.status().get("dropped") == 1)

    assert "given up after 0:00:01" in desk.ready()["message"]


@pytest.mark.cluster
def test_a_receiver_that_stays_away_is_said_while_it_is_tried_again(desk: Desk) -> None:
    with Receiver(answering(500)) as receiver:
        room = desk.notifications(desk.make(address=receiver.url))
        room.save([happened(desk)], {})
        eventually(lambda: desk.ready().get("status") == "False")

        assert desk.ready()["message"].startswith("tried again: the receiver answered 500")
        assert len(desk.status()["pending"]) == 1


@pytest.mark.cluster
def test_a_receiver_that_hangs_slows_no_other(desk: Desk) -> None:
    with Receiver(lambda _, handler: handler.hang()) as hanging, Receiver() as sound:
        notifiers = [desk.make("hangs", address=hanging.url), desk.make("sound", address=sound.url)]
        room = desk.notifications(*notifiers, retry=replace(QUICK, timeout_seconds=600.0))
        room.save([happened(desk)], {})
        eventually(lambda: hanging.told)
        room.save([happened(desk, EventType.SYNCED)], {})

        eventually(lambda: len(sound.told) == 2)
        stopping = time.monotonic()
        room.stop(0.2)
        assert time.monotonic() - stopping < LIMIT_SECONDS


@pytest.mark.cluster
def test_a_missing_secret_is_waited_for(desk: Desk) -> None:
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url, secretRef={"name": "later"}))
        room.save([happened(desk)], {})
        eventually(lambda: desk.ready().get("reason") == "SecretNotFound")
        desk.secrets["later"] = {"hmac": b"key"}

        eventually(lambda: receiver.told)
        assert "x-gitops-agent-signature" in receiver.told[0].headers


@pytest.mark.cluster
def test_a_secret_is_sent_to_no_other_host_than_its_annotation_names(desk: Desk) -> None:
    desk.secrets["hook"] = {"token": b"hunter22hunter22"}
    desk.secrets.hosts = AllowedHosts(
        patterns=("hooks.example.com",), subject="Secret ops/hook", rule="its annotation", reason="SecretHostRefused"
    )
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url, secretRef={"name": "hook"}))
        room.save([happened(desk)], {})
        eventually(lambda: desk.ready().get("reason") == "SecretHostRefused")
        assert receiver.told == []
        assert "Secret ops/hook may not be sent to 127.0.0.1" in desk.ready()["message"]
        desk.secrets.hosts = ANYWHERE

        assert "authorization" in eventually(lambda: receiver.told)[0].headers


@pytest.mark.cluster
@pytest.mark.parametrize("by", ["spec", "Secret"])
def test_nothing_is_sent_to_a_host_that_the_administrator_does_not_allow(desk: Desk, by: str) -> None:
    hosts = AllowedHosts.setting(("*.example.com",), name="notify.allowedHosts", subject="a notification")
    with Receiver() as receiver:
        desk.secrets["hook"] = {"address": receiver.url.encode()} if by == "Secret" else {}
        notifier = desk.make(address=None if by == "Secret" else receiver.url, secretRef={"name": "hook"})
        desk.notifications(notifier, options=DispatchOptions(hosts=hosts)).save([happened(desk)], {})
        eventually(lambda: desk.ready().get("reason") == "HostRefused")

        assert receiver.told == []
        assert "the setting notify.allowedHosts does not name it" in desk.ready()["message"]
        assert len(desk.status()["pending"]) == 1


@pytest.mark.cluster
def test_a_corrected_address_is_used_at_once(desk: Desk) -> None:
    slow = RetryPolicy(first_seconds=3600, longest_seconds=3600)
    with Receiver(answering(500)) as wrong, Receiver() as right:
        room = desk.notifications(desk.make(address=wrong.url), retry=slow)
        room.save([happened(desk)], {})
        eventually(lambda: wrong.told)
        room.set_notifier(desk.make(address=right.url))

        eventually(lambda: right.told)


@pytest.mark.cluster
def test_a_template_makes_the_text(desk: Desk) -> None:
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url, template="{{ name }}: {{ event }}"))
        room.save([happened(desk)], {})

        assert eventually(lambda: receiver.told)[0].json["text"] == "shop: Degraded"


@pytest.mark.cluster
def test_a_broken_template_falls_back_and_says_so(desk: Desk) -> None:
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url, template="{{ nothing }}"))
        room.save([happened(desk)], {})
        text = eventually(lambda: receiver.told)[0].json["text"]
        eventually(lambda: desk.ready().get("reason") == "TemplateFailed")

    assert "apps/Deployment:shop/web: crash" in text
    assert "shown in the default form: the template is wrong: 'nothing' is undefined" in text


@pytest.mark.cluster
def test_messages_arrive_in_order(desk: Desk) -> None:
    names = [f"app-{number}" for number in range(12)]
    with Receiver(answering(500), accept) as receiver:
        room = desk.notifications(desk.make(address=receiver.url))
        for name in names:
            room.save([happened(desk, name=name)], {})
        eventually(lambda: len(receiver.told) == 13)

        assert [request.json["application"]["name"] for request in receiver.told][1:] == names


@pytest.mark.cluster
def test_deliveries_are_recorded_together(desk: Desk) -> None:
    desk.make()
    waiting = desk.notifications(desk.read(), start=False)
    for number in range(20):
        waiting.save([happened(desk, name=f"app-{number}")], {})
    patches = ("patch", "notifiers.gitops-agent.dev")
    with Receiver() as receiver:
        notifier = desk.make(address=receiver.url)
        before, began = desk.objects.transport.count.get(patches, 0), time.monotonic()
        desk.notifications(notifier)
        eventually(lambda: desk.status().get("delivered") == 20)

        seconds = time.monotonic() - began
        assert desk.objects.transport.count.get(patches, 0) - before <= 2 + seconds  # one a second


@pytest.mark.cluster
def test_an_address_where_nothing_goes_is_given_up(desk: Desk) -> None:
    room = desk.notifications(desk.make(address="http://169.254.169.254/latest/meta-data"), retry=QUICK)
    room.save([happened(desk)], {})
    eventually(lambda: desk.status().get("dropped") == 1)

    assert "the agent never sends anything" in desk.ready()["message"]


def requested(desk: Desk, request: str = "2026-03-01T12:00:00.000+00:00") -> None:
    desk.objects.merge_patch(desk.key(), {"metadata": {"annotations": {TEST_REQUESTED: request}}})


@pytest.mark.cluster
def test_a_test_message_is_sent_once_and_its_verdict_said(desk: Desk) -> None:
    with Receiver() as receiver:
        room = desk.notifications(desk.make(address=receiver.url, events=["Degraded"]))
        requested(desk, "first")
        room.set_notifier(desk.read())
        eventually(lambda: desk.status().get("test"))
        assert desk.status()["test"] | {"at": ""} == {
            "answered": "first",
            "at": "",
            "delivered": True,
            "reason": "Ready",
            "message": "the receiver took the message",
        }
        desk.notifications(desk.read())  # the next leader
        requested(desk, "second")
        room.set_notifier(desk.read())
        eventually(lambda: desk.status()["test"]["answered"] == "second")
        assert [request.json["event"] for request in receiver.told] == ["Test", "Test"]
        assert len({request.json["id"] for request in receiver.told}) == 2
        assert receiver.told[0].json["title"] == f"{desk.namespace}/hook: test message"


@pytest.mark.cluster
def test_a_test_waits_for_no_message_that_is_tried_again(desk: Desk) -> None:
    slow = RetryPolicy(first_seconds=3600, longest_seconds=3600)
    desk.secrets["hook"] = {"token": b"hunter22hunter22"}
    with Receiver(answering(401, b"unknown: hunter22hunter22")) as receiver:
        room = desk.notifications(desk.make(address=receiver.url, secretRef={"name": "hook"}), retry=slow)
        requested(desk)
        room.set_notifier(desk.read())
        eventually(lambda: desk.status().get("test"))

    test = desk.status()["test"]
    assert (test["delivered"], test["reason"]) == (False, "DeliveryFailed")
    assert "401" in test["message"]
    assert "hunter22" not in str(desk.status())
    assert desk.status().get("dropped", 0) == 0


@pytest.mark.cluster
def test_a_forge_has_nothing_to_test(desk: Desk) -> None:
    desk.secrets["forge"] = {"token": b"t"}
    room = desk.notifications(desk.make(provider="github", address=None, secretRef={"name": "forge"}))
    requested(desk)
    room.set_notifier(desk.read())

    eventually(lambda: desk.status().get("test"))
    assert desk.status()["test"]["reason"] == "NothingToTest"
    assert "push a commit" in desk.status()["test"]["message"]


class Chat:
    """A Slack on loopback: messages by timestamp, with their edits."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.down = False
        self.release = threading.Event()
        self.release.set()

    def __call__(self, request: Told, handler: Handler) -> None:
        if self.down:
            self.release.wait(60)
            handler.answer(503)
            return
        number = request.json.get("ts") or f"{len(self.messages) + 1}.0"
        if request.path.endswith("chat.update") and number not in self.messages:
            handler.answer(200, b'{"ok":false,"error":"message_not_found"}')
            return
        self.messages[number] = request.json["text"].rpartition(": ")[2]
        handler.answer(200, orjson.dumps({"ok": True, "channel": "C1", "ts": number}))


@pytest.mark.cluster
def test_one_message_follows_a_commit_through_a_restart_and_only_failures_are_posted_anew(desk: Desk) -> None:
    desk.secrets["bot"] = {"token": b"xoxb-1", "channel": b"#ops"}
    chat = Chat()

    def deliver(room: NotificationDispatcher, *types: EventType) -> None:
        for type_ in types:
            done = desk.status().get("delivered", 0)
            room.save([happened(desk, type_)], {})
            eventually(lambda done=done: desk.status().get("delivered") == done + 1)  # type: ignore[misc]

    with Receiver(chat) as slack:
        stages = ["RevisionSeen", "Progressing", "Degraded", "Recovered", "RolloutStep", "Synced", "Promoted"]
        notifier = desk.make(provider="slack", address=slack.url, secretRef={"name": "bot"}, events=stages)
        first = desk.notifications(notifier)
        deliver(first, EventType.REVISION_SEEN, EventType.PROGRESSING)
        assert chat.messages == {"1.0": "rolling out"}
        first.stop(1.0)

        second = desk.notifications(desk.read())
        deliver(second, EventType.SYNCED)
        assert chat.messages == {"1.0": "synced"}
        deliver(second, EventType.DEGRADED)
        eventually(lambda: chat.messages == {"1.0": "degraded", "2.0": "degraded"})
        deliver(second, EventType.RECOVERED)
        assert chat.messages == {"1.0": "degraded", "2.0": "recovered"}
        del chat.messages["2.0"]  # a person deleted it
        deliver(second, EventType.PROMOTED)
        assert chat.messages == {"1.0": "degraded", "2.0": "promoted"}

    kept = desk.status()["messages"]
    assert [(entry["application"], entry["id"]) for entry in kept] == [(f"{desk.namespace}/shop", "C1 2.0")]
    assert [step["event"] for step in kept[0]["steps"]][-3:] == ["Degraded", "Recovered", "Promoted"]


@pytest.mark.cluster
def test_of_edits_that_wait_only_the_newest_is_sent(desk: Desk) -> None:
    desk.secrets["bot"] = {"token": b"xoxb-1", "channel": b"#ops"}
    chat = Chat()
    chat.down = True
    chat.release.clear()  # the first attempt lasts until all messages wait
    with Receiver(chat) as slack:
        events = ["RevisionSeen", "Progressing", "Synced", "Degraded"]
        room = desk.notifications(desk.make(provider="slack", address=slack.url, secretRef={"name": "bot"}, events=events))
        room.save([happened(desk, EventType.REVISION_SEEN)], {})
        eventually(lambda: slack.told)
        room.save([happened(desk, EventType.PROGRESSING)], {})
        room.save([happened(desk, EventType.DEGRADED, name="bank")], {})
        room.save([happened(desk, EventType.SYNCED)], {})
        chat.down = False
        chat.release.set()
        eventually(lambda: desk.status().get("pending") == [])

        assert chat.messages == {"1.0": "degraded", "2.0": "synced"}
        assert slack.told[-1].json["attachments"][0]["text"].count("→") == 2
        assert desk.status()["dropped"] == 0
