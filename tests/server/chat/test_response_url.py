from __future__ import annotations

import pytest

from gitops_agent.backoff import Backoff
from gitops_agent.httpclient.allowed_hosts import HostRefused
from gitops_agent.httpclient.message import Request
from gitops_agent.server.chat.response_url import ResponseUrls, client
from gitops_agent.server.chat.slack_text import ChatReply
from tests.server.chat.receiver import Receiver

SHORT = Backoff(first_seconds=0.01, longest_seconds=0.01)
REPLY = ChatReply(title="done")


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/",
        "https://hooks.slack.com@10.0.0.1/",
        "https://hooks.slack.com:8443/x",
        "file:///etc",
        "",
    ],
)
def test_no_other_address_than_slacks_is_called(address: str) -> None:
    assert not ResponseUrls().send(address, REPLY)


def test_the_door_itself_lets_nothing_go_elsewhere() -> None:
    with pytest.raises(HostRefused):
        client().send(Request(method="POST", url="https://example.com/", headers={}, body=b""))


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [((500, 429), (True, 3)), ((404,), (False, 1)), ((500,) * 9, (False, 5))],
    ids=["later", "never", "five"],
)
def test_failures_that_may_pass_are_tried_again_at_most_five_times(
    statuses: tuple[int, ...], outcome: tuple[bool, int]
) -> None:
    receiver = Receiver(*statuses)
    try:
        arrived = ResponseUrls(receiver.origin, SHORT).send(receiver.origin + "commands/1", REPLY)
    finally:
        receiver.stop()
    assert (arrived, len(receiver.bodies)) == outcome


def test_a_stop_ends_the_pause_between_attempts() -> None:
    receiver = Receiver(500)
    urls = ResponseUrls(receiver.origin, Backoff(first_seconds=3600.0, longest_seconds=3600.0))
    urls.stop()
    try:
        assert not urls.send(receiver.origin, REPLY)
    finally:
        receiver.stop()
