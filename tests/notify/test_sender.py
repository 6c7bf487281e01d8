"""One attempt at a receiver."""

from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.notify.sender import Sender, Sent
from tests.notify.builders import NOON, Clock, SecretData, message, notifier
from tests.notify.receiver import Receiver


def sender(**secret: bytes) -> Sender:
    return Sender(
        SecretData(**secret), http=HttpClient(timeout_seconds=5.0), clock=Clock(), external_url="https://gitops.example"
    )


def test_a_message_links_to_its_page() -> None:
    with Receiver() as receiver:
        sent = sender().send(notifier(address=receiver.url), message())

    assert sent == Sent()
    assert receiver.told[0].json["link"] == "https://gitops.example/a/ops/shop"


def test_a_test_links_to_the_page_of_the_notifiers_and_has_an_id_of_its_own() -> None:
    with Receiver() as receiver:
        for request in ("first", "second"):
            sender().test(notifier(address=receiver.url), request)

    first, second = (told.json for told in receiver.told)
    assert (first["event"], first["title"], first["link"]) == ("Test", "ops/hook: test message", "https://gitops.example/agent")
    assert first["at"].startswith(f"{NOON:%Y-%m-%dT%H:%M}")
    assert first["id"] != second["id"]


@pytest.mark.parametrize("provider", ["github", "gitlab", "bitbucket"])
def test_what_shows_commits_only_has_nothing_to_test(provider: str) -> None:
    with pytest.raises(AgentError, match="push a commit") as caught:
        sender(token=b"t").test(notifier(provider=provider, address=None, secretRef={"name": "s"}), "now")

    assert caught.value.reason == "NothingToTest"


def test_no_error_holds_a_value_of_the_secret() -> None:
    def refuse(_: Any, handler: Any) -> None:
        handler.answer(401, b"unknown: hunter22hunter22")

    with Receiver(refuse) as receiver, pytest.raises(AgentError, match="401") as caught:
        sender(token=b"hunter22hunter22").send(notifier(address=receiver.url, secretRef={"name": "s"}), message())

    assert "hunter22" not in str(caught.value)
