from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import mattermost
from tests.notify.senders import HOSTILE, document, edited, sent

SECRET = {"address": b"https://chat.example.com/hooks/abc"}


def test_an_attachment_mentions_no_channel() -> None:
    [attachment] = document(sent(mattermost, SECRET, HOSTILE))["attachments"]

    assert attachment["title"] == "ops/shop: degraded"
    assert attachment["text"].startswith("@\u200beveryone")


def test_another_channel_may_be_named() -> None:
    assert "channel" not in document(sent(mattermost, SECRET))
    assert document(sent(mattermost, SECRET | {"channel": b"ops"}))["channel"] == "ops"


BOT = {"token": b"secret", "channel": b"4xp9fdt77pncbef59f4k1qe83o"}
POST = "abcdefghijklmnopqrstuvwxyz"


def test_a_bot_posts_and_edits() -> None:
    posted = sent(mattermost, BOT, HOSTILE, address="https://chat.example.com/")
    change = edited(mattermost, BOT, POST, HOSTILE, address="https://chat.example.com/")

    assert (posted.method, posted.url) == ("POST", "https://chat.example.com/api/v4/posts")
    assert document(posted)["channel_id"] == "4xp9fdt77pncbef59f4k1qe83o"
    assert (change.method, change.url) == ("PUT", f"https://chat.example.com/api/v4/posts/{POST}/patch")
    assert posted.headers["Authorization"] == change.headers["Authorization"] == "Bearer secret"
    assert document(posted)["props"] == document(change)["props"]
    assert document(change)["props"]["attachments"][0]["text"].startswith("@\u200beveryone")


@pytest.mark.parametrize("secret", [{"token": b"t"}, {"token": b"t", "channel": b"c"}], ids=["channel", "server"])
def test_what_a_bot_lacks_is_named(secret: dict[str, bytes]) -> None:
    with pytest.raises(AgentError, match="no key channel with the id of a channel"):
        sent(mattermost, secret)


@pytest.mark.parametrize(
    ("secret", "posted"), [(SECRET, POST), (BOT, "../../users/me"), (BOT, "")], ids=["hook", "path", "none"]
)
def test_what_cannot_be_edited_is_refused_for_good(secret: dict[str, bytes], posted: str) -> None:
    with pytest.raises(DeliveryError, match="cannot be edited"):
        edited(mattermost, secret, posted, address="https://chat.example.com")


@pytest.mark.parametrize(("body", "posted"), [(f'{{"id":"{POST}"}}', POST), ("ok", ""), ('{"id":"../x"}', "")])
def test_the_answer_to_a_bot_names_the_post(body: str, posted: str) -> None:
    assert mattermost.message_id(Answer(status=201, headers={}, body=body.encode())) == posted
