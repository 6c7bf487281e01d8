from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify.provider import credential, judge_status


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=status, headers=headers or {}, body=body)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_success(status: int) -> None:
    judge_status(answer(status))


@pytest.mark.parametrize(
    ("status", "transient"),
    [(301, False), (400, False), (401, False), (403, False), (404, False), (408, True), (410, False), (429, True), (500, True)],
)
def test_what_may_pass_later_differs_from_what_will_not(status: int, *, transient: bool) -> None:
    with pytest.raises(DeliveryError, match=str(status)) as caught:
        judge_status(answer(status, b"because\nof that"))

    assert caught.value.transient is transient


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("9" * 12, None)]
)
def test_the_receiver_may_say_when(value: str, seconds: float | None) -> None:
    with pytest.raises(DeliveryError) as caught:
        judge_status(answer(429, headers={"retry-after": value}))

    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("value", [b"a\r\nX-Evil: 1", b"\xff", "ü".encode()])
def test_a_credential_that_would_break_a_header_is_refused(value: bytes) -> None:
    with pytest.raises(AgentError) as caught:
        credential({"token": value}, "token")

    assert caught.value.reason == "SecretInvalid"


def test_white_space_around_a_credential_is_no_part_of_it() -> None:
    assert credential({"token": b" abc\n"}, "token") == "abc"
    assert credential({}, "token") == ""


def test_a_request_does_not_show_its_credentials() -> None:
    request = Request(method="POST", url="https://x/hunter22", headers={"Authorization": "hunter22"}, body=b"hunter22")

    assert "hunter22" not in repr(request)
