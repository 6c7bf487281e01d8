"""Teams, Discord, Mattermost, Google Chat and Telegram: what they get, and what their answers mean."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify.providers import discord, googlechat, mattermost, teams, telegram
from tests.notify.builders import NOON, message, revision, spec

HOSTILE = "@everyone [click](https://evil) <script>"
CHATS = {
    "teams": (teams, {"address": b"https://prod.logic.example.com/workflows/1?sig=secret"}),
    "discord": (discord, {"address": b"https://discord.com/api/webhooks/1/token"}),
    "mattermost": (mattermost, {"address": b"https://chat.example.com/hooks/abc"}),
    "googlechat": (googlechat, {"address": b"https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"}),
    "telegram": (telegram, {"token": b"123456:abcdefghijkl", "chat": b"-100"}),
}


def request(name: str, text: str = "the text", **credentials: bytes) -> Request:
    module, known = CHATS[name]
    sent = module.request(message(), text, known | credentials, spec(name), now=NOON)
    assert isinstance(sent, Request)
    return sent


def document(sent: Request) -> Any:
    return orjson.loads(sent.body)


@pytest.mark.parametrize("name", CHATS)
def test_title_and_text_arrive(name: str) -> None:
    body = request(name).body.decode()

    assert "ops/shop: degraded" in body
    assert "the text" in body


@pytest.mark.parametrize("name", CHATS)
def test_every_event_can_be_sent(name: str) -> None:
    module, known = CHATS[name]

    for event in EventType:
        assert module.speaks_of(message(event), spec(name))
        assert module.request(message(event), "", known, spec(name), now=NOON).method == "POST"


@pytest.mark.parametrize(("name", "module"), [(name, module) for name, (module, _) in CHATS.items()])
def test_a_missing_credential_is_named(name: str, module: ModuleType) -> None:
    with pytest.raises(AgentError) as caught:
        module.request(message(), "", {}, spec(name), now=NOON)

    assert caught.value.reason == "SecretInvalid"


def test_teams_gets_a_card_whose_text_is_no_markdown() -> None:
    sent = request("teams", f"first\n\n{HOSTILE}")

    card = document(sent)["attachments"][0]["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [block["type"] for block in card["body"]] == ["RichTextBlock"] * 3
    assert card["body"][0]["inlines"][0]["color"] == "attention"
    assert card["body"][2]["inlines"][0]["text"] == HOSTILE


@pytest.mark.parametrize("host", ["acme.webhook.office.com", "outlook.office.com"])
def test_a_retired_connector_of_teams_is_refused_with_the_way_out(host: str) -> None:
    with pytest.raises(AgentError, match="create a workflow"):
        request("teams", address=f"https://{host}/webhookb2/x".encode())


def test_discord_waits_for_the_message_and_mentions_no_user() -> None:
    sent = request("discord", HOSTILE)

    assert sent.url == "https://discord.com/api/webhooks/1/token?wait=true"
    assert document(sent)["allowed_mentions"] == {"parse": []}
    assert document(sent)["embeds"][0]["description"].startswith("@\u200beveryone \\[click\\]")


def test_a_thread_of_discord_stays_in_its_address() -> None:
    sent = request("discord", address=b"https://discord.com/api/webhooks/1/token?thread_id=7")

    assert sent.url.endswith("?thread_id=7&wait=true")


def test_mattermost_may_be_given_another_channel() -> None:
    assert "channel" not in document(request("mattermost"))
    assert document(request("mattermost", channel=b"ops"))["channel"] == "ops"
    assert document(request("mattermost", HOSTILE))["attachments"][0]["text"].startswith("@\u200beveryone")


def test_google_chat_keeps_one_thread_for_each_commit() -> None:
    known = CHATS["googlechat"][1]

    def thread(**fields: Any) -> str:
        sent = googlechat.request(message(revision=revision(**fields)), "", known, spec("googlechat"), now=NOON)
        return str(document(sent)["thread"]["threadKey"])

    assert thread() == thread(subject="another subject")
    assert thread() != thread(commit="f" * 40)
    assert request("googlechat").url.endswith("&token=t&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
    assert "<script>" not in request("googlechat", HOSTILE).body.decode()


def test_telegram_names_chat_and_topic() -> None:
    sent = request("telegram", HOSTILE, thread=b"9")

    assert sent.url == "https://api.telegram.org/bot123456:abcdefghijkl/sendMessage"
    assert document(sent)["chat_id"] == "-100"
    assert document(sent)["message_thread_id"] == "9"
    assert "&lt;script&gt;" in document(sent)["text"]
    assert len(document(request("telegram", "x" * 10_000))["text"]) <= 4096


def test_a_token_cannot_change_the_path_of_telegrams_api() -> None:
    with pytest.raises(AgentError, match="no token of a bot"):
        request("telegram", token=b"1:abcdefghijkl/../../x")


@pytest.mark.parametrize(
    ("module", "body", "seconds"),
    [
        (discord, b'{"retry_after": 0.75}', 0.75),
        (discord, b"[]", None),
        (discord, b'{"retry_after": "soon"}', None),
        (telegram, b'{"ok": false, "parameters": {"retry_after": 12}}', 12.0),
        (telegram, b'{"parameters": []}', None),
        (telegram, b"nonsense", None),
    ],
)
def test_a_rate_limit_is_waited_for(module: ModuleType, body: bytes, seconds: float | None) -> None:
    with pytest.raises(DeliveryError) as caught:
        module.judge(Answer(status=429, headers={}, body=body))

    assert caught.value.transient
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("name", CHATS)
def test_a_receiver_that_is_gone_is_given_up(name: str) -> None:
    module = CHATS[name][0]
    module.judge(Answer(status=202, headers={}, body=b""))

    with pytest.raises(DeliveryError) as caught:
        module.judge(Answer(status=404, headers={}, body=b"gone"))

    assert not caught.value.transient
