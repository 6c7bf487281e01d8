from __future__ import annotations

import hashlib
import hmac

import orjson
import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Request
from gitops_agent.notify.signed_post import signed_post
from tests.notify.builders import COMMIT, NOON, message, notifier

SPEC = notifier().spec


def request(credentials: dict[str, bytes] | None = None) -> Request:
    return signed_post(message(), "the text", credentials or {}, SPEC, now=NOON)


def test_the_document_says_everything() -> None:
    document = orjson.loads(request().body)

    assert document["id"] == message().id
    assert document["application"] == {"namespace": "ops", "name": "shop"}
    assert (document["event"], document["severity"], document["reason"], document["count"]) == (
        "Degraded",
        "error",
        "Degraded",
        1,
    )
    assert (document["title"], document["text"]) == ("ops/shop: degraded", "the text")
    assert document["revision"]["commit"] == COMMIT
    assert document["objects"] == ["apps/Deployment:shop/web"]
    assert document["at"] == "2026-03-01T12:00:00.000Z"


def test_a_receiver_can_prove_who_sent_it_and_when() -> None:
    sent = request({"hmac": b"key\n"})

    signed = sent.headers["X-Gitops-Agent-Timestamp"].encode() + b"." + sent.body
    expected = "sha256=" + hmac.new(b"key", signed, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(sent.headers["X-Gitops-Agent-Signature"], expected)
    assert sent.headers["X-Gitops-Agent-Timestamp"] == str(int(NOON.timestamp()))


def test_without_a_key_nothing_is_signed() -> None:
    assert "X-Gitops-Agent-Signature" not in request().headers


def test_id_and_event_are_in_the_headers() -> None:
    headers = request().headers

    assert (headers["X-Gitops-Agent-Id"], headers["X-Gitops-Agent-Event"]) == (message().id, "Degraded")


def test_the_secret_may_name_the_address_and_a_token() -> None:
    sent = request({"address": b"https://secret.example.org/x", "token": b"abc"})

    assert sent.url == "https://secret.example.org/x"
    assert sent.headers["Authorization"] == "Bearer abc"


def test_an_address_is_needed() -> None:
    spec = notifier(address=None, secretRef={"name": "s"}).spec
    with pytest.raises(AgentError) as caught:
        signed_post(message(), "", {}, spec, now=NOON)

    assert caught.value.reason == "SecretInvalid"
