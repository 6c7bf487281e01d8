"""One attempt at a receiver."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.mail import SmtpClient
from gitops_agent.httpclient.message import DeliveryError
from gitops_agent.notify.living_messages import LivingMessage
from gitops_agent.notify.sender import Sender, Sent
from tests.notify.builders import COMMIT, NOON, Clock, SecretData, message, notifier
from tests.notify.receiver import Receiver, Script
from tests.notify.smtp_server import SmtpServer
from tests.source.certificates import self_signed


def sender(**secret: bytes) -> Sender:
    http, smtp = HttpClient(timeout_seconds=5.0), SmtpClient(timeout_seconds=5.0)
    return Sender(SecretData(**secret), http=http, smtp=smtp, clock=Clock(), external_url="https://gitops.example")


def test_a_message_links_to_its_page() -> None:
    with Receiver() as receiver:
        sent = sender().send(notifier(address=receiver.url), message())

    assert sent == Sent()
    assert receiver.told[0].json["link"] == "https://gitops.example/a/ops/shop"


def test_a_test_links_to_the_page_of_the_notifiers_and_has_an_id_of_its_own() -> None:
    with Receiver() as receiver:
        for request in ("first", "second"):
            sender().test(notifier(address=receiver.url), request)

    first, second = (payload.json for payload in receiver.told)
    assert (first["event"], first["title"], first["link"]) == ("Test", "ops/hook: test message", "https://gitops.example/agent")
    assert first["at"].startswith(f"{NOON:%Y-%m-%dT%H:%M}")
    assert first["id"] != second["id"]


def test_no_error_holds_a_value_of_the_secret() -> None:
    def refuse(_: Any, handler: Any) -> None:
        handler.answer(401, b"unknown: hunter22hunter22")

    with Receiver(refuse) as receiver, pytest.raises(AgentError, match="401") as caught:
        sender(token=b"hunter22hunter22").send(notifier(address=receiver.url, secretRef={"name": "s"}), message())

    assert "hunter22" not in str(caught.value)


def answering(*replies: tuple[int, bytes]) -> list[Script]:
    def script(status: int, body: bytes) -> Script:
        return lambda _, handler: handler.answer(status, body)

    return [script(status, body) for status, body in replies]


POSTED = (200, b'{"ok":true,"channel":"C1","ts":"1.5"}')
BOT = {"token": b"xoxb-1", "channel": b"#ops"}
LIVING = LivingMessage(application="ops/shop", commit=COMMIT, at=NOON, id="C0 1.1", steps=((EventType.REVISION_SEEN, NOON),))


def live(
    event: EventType, *replies: tuple[int, bytes], living: LivingMessage = LIVING, **spec: Any
) -> tuple[str, list[tuple[str, Any]]]:
    """The id after an event, and the calls with their documents."""
    with Receiver(*answering(*replies)) as receiver:
        chat = notifier(provider="slack", address=receiver.url, secretRef={"name": "s"}, **spec)
        about = message(event)
        sent = sender(**BOT).send(chat, about, living.with_step(about))
    return sent.id, [(request.path.rpartition("/")[2], request.json) for request in receiver.told]


def test_the_first_stage_is_posted() -> None:
    posted, calls = live(EventType.REVISION_SEEN, POSTED, living=replace(LIVING, id=""))

    assert (posted, [call for call, _ in calls]) == ("C1 1.5", ["chat.postMessage"])
    assert calls[0][1]["channel"] == "#ops"


def test_progress_edits_the_message_and_shows_the_stages() -> None:
    posted, calls = live(EventType.SYNCED, POSTED)

    assert (posted, [call for call, _ in calls]) == ("C0 1.1", ["chat.update"])
    assert (calls[0][1]["channel"], calls[0][1]["ts"]) == ("C0", "1.1")
    assert calls[0][1]["attachments"][0]["text"].endswith("\n12:00 new commit → 12:00 synced (UTC)")


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"])
def test_a_message_that_cannot_be_edited_is_posted_anew(error: str) -> None:
    posted, calls = live(EventType.SYNCED, (200, f'{{"ok":false,"error":"{error}"}}'.encode()), POSTED)

    assert (posted, [call for call, _ in calls]) == ("C1 1.5", ["chat.update", "chat.postMessage"])


def test_an_edit_that_comes_too_often_is_tried_again_and_nothing_posted() -> None:
    with pytest.raises(DeliveryError) as caught:
        live(EventType.SYNCED, (429, b""), POSTED)

    assert caught.value.transient


def test_what_needs_a_person_is_posted_anew_and_the_older_message_says_so_too() -> None:
    posted, calls = live(EventType.DEGRADED, POSTED)

    assert (posted, [call for call, _ in calls]) == ("C1 1.5", ["chat.postMessage", "chat.update"])
    assert calls[1][1]["ts"] == "1.1"
    assert "degraded" in calls[1][1]["text"]


@pytest.mark.parametrize("reply", [(200, b'{"ok":false,"error":"message_not_found"}'), (500, b""), (429, b"")], ids=str)
def test_an_alarm_counts_although_the_older_message_cannot_be_edited(reply: tuple[int, bytes]) -> None:
    assert live(EventType.DEGRADED, POSTED, reply)[0] == "C1 1.5"


def test_a_template_keeps_its_text_in_an_edit() -> None:
    _, calls = live(EventType.SYNCED, POSTED, template="{{ name }}: {{ event }}")

    assert calls[0][1]["attachments"][0]["text"] == "shop: Synced"


@pytest.mark.parametrize(
    ("secret", "spec", "edits"),
    [
        (BOT, {}, True),
        (BOT, {"messages": "each"}, False),
        ({"address": b"https://hooks.slack.com/services/x"}, {}, False),
        ({"token": b"\xff"}, {}, False),
    ],
    ids=["bot", "each", "webhook", "damaged"],
)
def test_bots_edit_unless_the_notifier_says_each(secret: dict[str, bytes], spec: dict[str, str], *, edits: bool) -> None:
    chat = notifier(provider="slack", address=None, secretRef={"name": "s"}, **spec)

    assert sender(**secret).edits(chat) is edits


def test_what_cannot_be_edited_is_not() -> None:
    assert not sender(token=b"t").edits(notifier())


def test_a_mail_is_delivered_by_tls_with_the_authority_of_the_secret(tmp_path: Path) -> None:
    certificate = tmp_path / "bundle.pem"
    certificate.write_bytes(self_signed("localhost"))
    secret = {"from": b"agent@acme.test", "to": b"ops@acme.test,old@acme.test", "username": b"agent", "password": b"hunter22"}
    with SmtpServer(certificate, refusals={"RCPT TO:<OLD@": "550 no such user"}) as server:
        mailed = notifier(provider="email", address=f"smtps://localhost:{server.port}", secretRef={"name": "s"})
        sent = sender(**secret, **{"ca.crt": certificate.read_bytes()}).send(mailed, message())

    [delivered] = server.delivered
    assert (delivered.recipients, delivered.login) == (["ops@acme.test"], ("agent", "hunter22"))
    assert b"Subject: ops/shop: degraded" in delivered.body
    assert sent.refused == "old@acme.test: 550 no such user"


def test_no_error_of_a_mail_server_holds_the_password(tmp_path: Path) -> None:
    certificate = tmp_path / "bundle.pem"
    certificate.write_bytes(self_signed("localhost"))
    secret = {"from": b"agent@acme.test", "to": b"ops@acme.test", "username": b"agent", "password": b"hunter22hunter22"}
    with SmtpServer(certificate, refusals={"AUTH": "535 wrong: hunter22hunter22"}) as server:
        mailed = notifier(provider="email", address=f"smtps://localhost:{server.port}", secretRef={"name": "s"})
        with pytest.raises(DeliveryError, match="535") as caught:
            sender(**secret, **{"ca.crt": certificate.read_bytes()}).send(mailed, message())

    assert "hunter22" not in str(caught.value)
    assert not caught.value.transient
