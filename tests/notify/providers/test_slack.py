from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.events.event import Severity
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify.providers import slack
from gitops_agent.server.chat.commands import parsed
from tests.notify.builders import NOON, message, notifier


def spec(**fields: Any) -> NotifierSpec:
    return notifier(provider="slack", **({"address": None, "secretRef": {"name": "s"}} | fields)).spec


def request(credentials: dict[str, bytes], text: str = "the text", **fields: Any) -> Request:
    return slack.request(message(), text, credentials, spec(**fields), now=NOON)


def test_an_incoming_webhook_is_its_own_credential() -> None:
    sent = request({"address": b"https://hooks.slack.com/services/T/B/x\n"})

    assert sent.url == "https://hooks.slack.com/services/T/B/x"
    assert "Authorization" not in sent.headers
    document = orjson.loads(sent.body)
    assert document["text"] == "ops/shop: degraded"
    assert document["attachments"][0]["text"] == "the text"


@pytest.mark.parametrize(
    ("event", "severity", "values"),
    [
        (EventType.HELD, Severity.WARNING, ["approve ops/shop", "diff ops/shop"]),
        (EventType.DEGRADED, Severity.ERROR, ["why ops/shop"]),
        (EventType.SYNCED, Severity.INFO, []),
        (EventType.TEST, Severity.WARNING, []),
    ],
)
def test_buttons_ask_and_order_nothing(event: EventType, severity: Severity, values: list[str]) -> None:
    asked = replace(message(event), severity=severity, buttons=True)
    document = orjson.loads(slack.request(asked, "t", {"address": b"https://x/"}, spec(), now=NOON).body)

    blocks = [block for attachment in document["attachments"] for block in attachment.get("blocks", ())]
    assert [element["value"] for block in blocks for element in block["elements"]] == values
    assert all(parsed(value, "ops").reads for value in values)
    plain = orjson.loads(slack.request(replace(asked, buttons=False), "t", {"address": b"https://x/"}, spec(), now=NOON).body)
    assert len(plain["attachments"]) == 1


def test_a_token_posts_to_a_channel() -> None:
    sent = request({"token": b"xoxb-1", "channel": b"#ops"})

    assert sent.url == "https://slack.com/api/chat.postMessage"
    assert sent.headers["Authorization"] == "Bearer xoxb-1"
    assert orjson.loads(sent.body)["channel"] == "#ops"


def test_another_api_may_be_named() -> None:
    sent = request({"token": b"xoxb-1", "channel": b"C1"}, address="https://slack.example.org/api/")

    assert sent.url == "https://slack.example.org/api/chat.postMessage"


def test_a_commit_message_mentions_no_user() -> None:
    document = orjson.loads(request({"address": b"https://x/"}, "<!channel> & <https://evil|click>").body)

    assert document["attachments"][0]["text"] == "&lt;!channel&gt; &amp; &lt;https://evil|click&gt;"
    assert document["unfurl_links"] is False


@pytest.mark.parametrize("credentials", [{}, {"token": b"xoxb-1"}])
def test_what_is_missing_in_the_secret_is_named(credentials: dict[str, bytes]) -> None:
    with pytest.raises(AgentError) as caught:
        request(credentials)

    assert caught.value.reason == "SecretInvalid"


def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=status, headers=headers or {}, body=body)


@pytest.mark.parametrize("body", [b"ok", b'{"ok": true}', b""])
def test_success(body: bytes) -> None:
    slack.judge(answer(body))


@pytest.mark.parametrize(("error", "transient"), [("channel_not_found", False), ("invalid_auth", False), ("ratelimited", True)])
def test_slack_says_no_with_a_success(error: str, *, transient: bool) -> None:
    with pytest.raises(DeliveryError, match=error) as caught:
        slack.judge(answer(orjson.dumps({"ok": False, "error": error}), headers={"retry-after": "3"}))

    assert caught.value.transient is transient
    assert caught.value.retry_after == 3.0


@pytest.mark.parametrize(
    ("body", "posted"),
    [
        (b'{"ok":true,"channel":"C123","ts":"1718.000200"}', "C123 1718.000200"),
        (b"ok", ""),
        (b'{"ok":true,"channel":"C123"}', ""),
        (b'{"ok":true,"channel":"#ops","ts":"1.2"}', ""),
    ],
)
def test_only_the_answer_to_a_bot_names_the_message(body: bytes, posted: str) -> None:
    assert slack.message_id(answer(body)) == posted


@pytest.mark.parametrize(
    ("secret", "posted"), [({"address": b"https://x/"}, "C1 1.2"), ({"token": b"t"}, "C1"), ({"token": b"t"}, "")]
)
def test_what_cannot_be_edited_is_refused_for_good(secret: dict[str, bytes], posted: str) -> None:
    with pytest.raises(DeliveryError, match="cannot be edited") as caught:
        slack.update(message(), "text", posted, secret, spec(), now=NOON)

    assert not caught.value.transient
