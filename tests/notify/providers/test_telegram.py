from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import telegram
from tests.notify.senders import HOSTILE, document, edited, sent

SECRET = {"token": b"123456:abcdefghijkl", "chat": b"-100"}


def test_chat_and_topic_are_named() -> None:
    request = sent(telegram, SECRET | {"thread": b"9"}, HOSTILE)

    assert request.url == "https://api.telegram.org/bot123456:abcdefghijkl/sendMessage"
    assert (document(request)["chat_id"], document(request)["message_thread_id"]) == ("-100", "9")
    assert document(request)["text"] == "<b>ops/shop: degraded</b>\n@everyone [click](https://evil) &lt;script&gt;"


def test_a_long_text_fits() -> None:
    assert len(document(sent(telegram, SECRET, "x" * 10_000))["text"]) <= 4096


def test_a_token_cannot_change_the_path_of_the_api() -> None:
    with pytest.raises(AgentError, match="no token of a bot"):
        sent(telegram, SECRET | {"token": b"1:abcdefghijkl/../../x"})


def test_a_missing_chat_is_named() -> None:
    with pytest.raises(AgentError, match="no key chat"):
        sent(telegram, {"token": SECRET["token"]})


@pytest.mark.parametrize(
    ("body", "seconds"),
    [(b'{"ok": false, "parameters": {"retry_after": 12}}', 12.0), (b'{"parameters": []}', None), (b"nonsense", None)],
)
def test_a_rate_limit_is_waited_for(body: bytes, seconds: float | None) -> None:
    with pytest.raises(DeliveryError) as caught:
        telegram.judge(Answer(status=429, headers={}, body=body))

    assert caught.value.retry_after == seconds


def test_an_edit_names_chat_and_message() -> None:
    request = edited(telegram, SECRET, "-100123 42", HOSTILE)

    assert request.url == "https://api.telegram.org/bot123456:abcdefghijkl/editMessageText"
    assert (document(request)["chat_id"], document(request)["message_id"]) == (-100123, 42)
    assert "message_thread_id" not in document(request)
    assert document(request)["text"].endswith("&lt;script&gt;")


@pytest.mark.parametrize("posted", ["", "42", "a b", "1 2 3"])
def test_an_id_that_is_none_edits_nothing(posted: str) -> None:
    with pytest.raises(DeliveryError, match="cannot be edited"):
        edited(telegram, SECRET, posted)


@pytest.mark.parametrize(
    ("body", "posted"),
    [
        (b'{"ok":true,"result":{"message_id":42,"chat":{"id":-100123}}}', "-100123 42"),
        (b'{"ok":true,"result":true}', ""),
        (b'{"result":{"message_id":{},"chat":{"id":1}}}', ""),
        (b"", ""),
    ],
)
def test_the_answer_names_the_message(body: bytes, posted: str) -> None:
    assert telegram.message_id(Answer(status=200, headers={}, body=body)) == posted


def test_an_edit_that_changes_nothing_is_done() -> None:
    same = b'{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: specified new message content"}'
    telegram.judge(Answer(status=400, headers={}, body=same))

    with pytest.raises(DeliveryError):
        telegram.judge(Answer(status=400, headers={}, body=b'{"description":"Bad Request: message to edit not found"}'))
