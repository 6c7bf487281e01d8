from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest

from gitops_agent.server.webhooks.delivery import Delivery, Push
from gitops_agent.server.webhooks.receiver import Verdict, WebhookReceiver
from tests.server.webhooks.deliveries import CLONE, NOW, PUSH, REPOSITORY, SECRET, hexadecimal, raw_delivery

DEEP = b"[" * 20_000
"""Lists in lists, unclosed."""

DOCUMENT = {**PUSH, "repository": REPOSITORY}


class Sink:
    """Keeps what was pushed."""

    def __init__(self, secrets: Mapping[str, bytes] | None) -> None:
        self.known = secrets
        self.pushes: list[Push] = []

    def secrets(self) -> Mapping[str, bytes] | None:
        return self.known

    def pushed(self, push: Push) -> None:
        self.pushes.append(push)


def event(document: Any = DOCUMENT, *, id_: str = "", secret: bytes = SECRET, body: bytes | None = None) -> Delivery:
    raw = orjson.dumps(document) if body is None else body
    headers = {"x_github_event": "push", "x_hub_signature_256": f"sha256={hexadecimal(raw, secret)}"}
    return raw_delivery(raw, **headers, **({"x_github_delivery": id_} if id_ else {}))


def test_an_authentic_push_is_passed_on() -> None:
    sink = Sink({"github": b"old\n s3cret \n"})

    assert WebhookReceiver(sink).receive("github", event()) is Verdict.ACCEPTED
    assert [push.urls[0] for push in sink.pushes] == [CLONE]


@pytest.mark.parametrize(
    ("secrets", "sender", "sent"),
    [
        ({"github": SECRET}, "github", event(secret=b"other")),
        ({"github": SECRET}, "gitlab", event()),
        ({"github": SECRET}, "pigeon", event()),
        ({"github": b"\n"}, "github", event(secret=b"")),
        ({}, "github", event()),
    ],
)
def test_everything_without_a_proof_is_refused_alike(secrets: dict[str, bytes], sender: str, sent: Delivery) -> None:
    sink = Sink(secrets)

    assert WebhookReceiver(sink).receive(sender, sent) is Verdict.REFUSED
    assert sink.pushes == []


def test_a_repeated_delivery_does_nothing_for_an_hour() -> None:
    sink = Sink({"github": SECRET})
    receiver = WebhookReceiver(sink)
    sent = event(id_="guid")

    assert receiver.receive("github", sent) is Verdict.ACCEPTED
    assert receiver.receive("github", sent) is Verdict.REPEATED
    assert receiver.receive("github", event(id_="other")) is Verdict.ACCEPTED
    late = Delivery(headers=sent.headers, body=sent.body, at=NOW + timedelta(minutes=61))
    assert receiver.receive("github", late) is Verdict.ACCEPTED


def test_a_replica_that_follows_takes_nothing() -> None:
    receiver = WebhookReceiver(sink := Sink(None))

    assert receiver.receive("github", event(id_="guid")) is Verdict.NOT_LEADING
    sink.known = {"github": SECRET}
    assert receiver.receive("github", event(id_="guid")) is Verdict.ACCEPTED


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", DEEP, DEEP + DEEP.replace(b"[", b"]"), b'"' + b"x" * 100_000 + b'"', b"\xff\xfe"]
)
def test_a_body_that_is_no_push_is_ignored(body: bytes) -> None:
    assert WebhookReceiver(Sink({"github": SECRET})).receive("github", event(body=body)) is Verdict.IGNORED
