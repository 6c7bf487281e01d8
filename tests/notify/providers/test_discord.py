from __future__ import annotations

import pytest

from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import discord
from tests.notify.senders import HOSTILE, document, edited, sent

SECRET = {"address": b"https://discord.com/api/webhooks/1/token"}


def test_an_embed_mentions_no_user_and_is_waited_for() -> None:
    request = sent(discord, SECRET, HOSTILE)

    assert request.url == "https://discord.com/api/webhooks/1/token?wait=true"
    assert document(request)["allowed_mentions"] == {"parse": []}
    assert document(request)["embeds"][0]["title"] == "ops/shop: degraded"
    assert document(request)["embeds"][0]["description"].startswith("@\u200beveryone \\[click\\]")


def test_a_thread_stays_in_the_address() -> None:
    request = sent(discord, {"address": b"https://discord.com/api/webhooks/1/token?thread_id=7"})

    assert request.url.endswith("?thread_id=7&wait=true")


@pytest.mark.parametrize(
    ("body", "seconds"),
    [(b'{"retry_after": 0.75}', 0.75), (b"[]", None), (b'{"retry_after": "soon"}', None), (b"nonsense", None)],
)
def test_a_rate_limit_is_waited_for(body: bytes, seconds: float | None) -> None:
    with pytest.raises(DeliveryError) as caught:
        discord.judge(Answer(status=429, headers={}, body=body))

    assert caught.value.retry_after == seconds


def test_an_edit_goes_to_the_message_in_its_thread() -> None:
    request = edited(discord, {"address": b"https://discord.com/api/webhooks/1/token/?thread_id=7"}, "42", HOSTILE)

    assert (request.method, request.url) == ("PATCH", "https://discord.com/api/webhooks/1/token/messages/42?thread_id=7")
    assert document(request)["allowed_mentions"] == {"parse": []}
    assert document(request)["embeds"][0]["description"].startswith("@\u200beveryone")


@pytest.mark.parametrize("posted", ["", "42/../../9", "x", "4" * 60])
def test_an_id_that_is_none_edits_nothing(posted: str) -> None:
    with pytest.raises(DeliveryError, match="cannot be edited") as caught:
        edited(discord, SECRET, posted)

    assert not caught.value.transient


@pytest.mark.parametrize(
    ("body", "posted"), [(b'{"id":"42"}', "42"), (b'{"id":"4/2"}', ""), (b"[]", ""), (b"", ""), (b'{"id":null}', "")]
)
def test_the_answer_names_the_message(body: bytes, posted: str) -> None:
    assert discord.message_id(Answer(status=200, headers={}, body=body)) == posted
