from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from gitops_agent.server.chat import slack_request
from gitops_agent.server.chat.slack_request import Signatures, SlackCall, call_of
from tests.server.chat.requests import ANSWERS, DANA, NOW, SECRET, TEAM, click, delivered, signed, slash

BODY = slash("status")


def test_the_example_of_slack_is_proven() -> None:
    secret = b"8f742231b10e8888abcd99yyyzzz85a5"
    body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    headers = signed(body, secret=secret, at=NOW)

    assert Signatures().proven(delivered(body, headers), [b"another", secret])


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY, signed(BODY, secret=b"wrong", at=NOW)),
        (BODY + b"&x=1", signed(BODY, at=NOW)),
        (BODY, signed(BODY, at=NOW - timedelta(seconds=301))),
        (BODY, signed(BODY, at=NOW + timedelta(seconds=301))),
        (BODY, signed(BODY, at=NOW) | {"x-slack-request-timestamp": "-1"}),
        (BODY, signed(BODY, at=NOW) | {"x-slack-request-timestamp": "٣"}),
        (BODY, signed(BODY, at=NOW) | {"x-slack-signature": "v0="}),
        (BODY, signed(BODY, at=NOW) | {"x-slack-signature": "é"}),
        (BODY, {}),
    ],
    ids=["secret", "body", "old", "early", "negative", "digits", "empty", "letters", "none"],
)
def test_everything_else_is_not_proven(body: bytes, headers: dict[str, str]) -> None:
    assert not Signatures().proven(delivered(body, headers), [SECRET])


def test_a_time_of_five_minutes_is_recent() -> None:
    headers = signed(BODY, at=NOW - timedelta(seconds=300))

    assert Signatures().proven(delivered(BODY, headers), [SECRET])


def test_a_signature_counts_once_in_whatever_letters() -> None:
    signatures, headers = Signatures(), signed(BODY, at=NOW)
    louder = headers | {"x-slack-signature": "v0=" + headers["x-slack-signature"][3:].upper()}

    assert signatures.proven(delivered(BODY, headers), [SECRET])
    assert not signatures.proven(delivered(BODY, headers), [SECRET])
    assert not signatures.proven(delivered(BODY, louder, NOW + timedelta(seconds=299)), [SECRET])


def test_while_too_many_signatures_are_remembered_none_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_request, "_MOST_SIGNATURES", 1)
    signatures, other = Signatures(), slash("help")

    assert signatures.proven(delivered(BODY, signed(BODY, at=NOW)), [SECRET])
    assert not signatures.proven(delivered(other, signed(other, at=NOW)), [SECRET])
    later = NOW + timedelta(minutes=11)
    assert signatures.proven(delivered(other, signed(other, at=later), later), [SECRET])


def test_a_command_is_read() -> None:
    assert call_of(slash("pause shop 2h ünïcode", enterprise_id="E1X")) == SlackCall(
        team=TEAM, enterprise="E1X", user=DANA, text="pause shop 2h ünïcode", response_url=ANSWERS
    )


def test_a_click_is_read() -> None:
    call = call_of(click("why shop", enterprise={"id": "E1X"}))

    assert call == SlackCall(
        team=TEAM, enterprise="E1X", user=DANA, home=TEAM, text="why shop", button=True, response_url=ANSWERS
    )


def test_a_member_of_another_workspace_is_foreign() -> None:
    call = call_of(click("why shop", user={"id": DANA, "team_id": "T0OTHER"}))

    assert call is not None
    assert call.foreign


HOSTILE: list[Any] = [
    None,
    [],
    "text",
    7,
    {"type": "block_actions"},
    {"type": "block_actions", "team": [], "user": {"id": DANA}},
    {"type": "block_actions", "team": {"id": TEAM}, "user": {"id": 7}},
    {"type": "block_actions", "team": {"id": "t' OR 1"}, "user": {"id": DANA}},
    {"type": ["block_actions"], "team": {"id": TEAM}, "user": {"id": DANA}},
    {"type": "view_submission", "team": {"id": TEAM}, "user": {"id": DANA}},
]


@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_a_payload_of_other_types_asks_nothing(payload: Any) -> None:
    assert call_of(urlencode({"payload": orjson.dumps(payload).decode()}).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"%ff%fe=1",
        b"payload=" + b"[" * 20_000,
        b"payload={",
        b"&" * 60_000,
        b"a=1&" * 10_000,
        b"ssl_check=1&token=x",
        slash("x", team_id=""),
        slash("x", user_id="<!channel>"),
    ],
    ids=["empty", "bytes", "escapes", "deep", "torn", "signs", "many", "check", "team", "user"],
)
def test_a_body_that_is_no_form_of_slack_asks_nothing(body: bytes) -> None:
    assert call_of(body) is None


def test_fields_of_other_types_read_as_absent() -> None:
    for value in (None, 7, ["why"], {"x": 1}, "x" * 5000):
        call = call_of(click(value, response_url=[], enterprise=7))

        assert call is not None
        assert (call.text, call.response_url, call.enterprise) == ("", "", "")
    assert call_of(click("x", actions="none")) == call_of(click("x", actions=[]))


def test_of_a_field_that_comes_twice_the_first_counts() -> None:
    call = call_of(slash("help") + b"&user_id=U0LI")

    assert call is not None
    assert call.user == DANA
