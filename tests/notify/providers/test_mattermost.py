from __future__ import annotations

from gitops_agent.notify.providers import mattermost
from tests.notify.senders import HOSTILE, document, sent

SECRET = {"address": b"https://chat.example.com/hooks/abc"}


def test_an_attachment_mentions_no_channel() -> None:
    [attachment] = document(sent(mattermost, SECRET, HOSTILE))["attachments"]

    assert attachment["title"] == "ops/shop: degraded"
    assert attachment["text"].startswith("@\u200beveryone")


def test_another_channel_may_be_named() -> None:
    assert "channel" not in document(sent(mattermost, SECRET))
    assert document(sent(mattermost, SECRET | {"channel": b"ops"}))["channel"] == "ops"
