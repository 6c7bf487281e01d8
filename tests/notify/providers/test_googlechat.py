from __future__ import annotations

from typing import Any

from gitops_agent.notify.providers import googlechat
from tests.notify.builders import message, revision
from tests.notify.senders import HOSTILE, document, sent

SECRET = {"address": b"https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"}


def thread(**fields: Any) -> str:
    request = sent(googlechat, SECRET, about=message(revision=revision(**fields)))
    return str(document(request)["thread"]["threadKey"])


def test_one_thread_for_each_commit() -> None:
    assert thread() == thread(subject="another subject")
    assert thread() != thread(commit="f" * 40)
    assert sent(googlechat, SECRET).url.endswith("&token=t&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")


def test_a_card_holds_no_markup_of_others() -> None:
    [card] = document(sent(googlechat, SECRET, f"first\n{HOSTILE}"))["cardsV2"]

    paragraph = card["card"]["sections"][0]["widgets"][0]["textParagraph"]["text"]
    assert paragraph == "first<br>@everyone [click](https://evil) &lt;script&gt;"
