from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.server.chat.service import ChatService
from gitops_agent.server.chat.slack_request import SlackCall
from tests.server.applications import application
from tests.server.chat.agents import KnownAgent, away
from tests.server.chat.requests import DANA, LI, TEAM


@pytest.fixture
def agent(tmp_path: Path) -> KnownAgent:
    return away(tmp_path, application("shop"))


def call(text: str, user: str = DANA, *, button: bool = False, home: str = "") -> SlackCall:
    return SlackCall(team=TEAM, enterprise="", user=user, text=text, button=button, home=home)


def test_a_person_who_is_not_listed_gets_no_answer_but_that(agent: KnownAgent) -> None:
    service = ChatService(agent)

    for stranger in (call("status shop", "U0WHO"), call("help", home="T0OTHER")):
        assert service.answer(stranger).title.startswith("error: ConfigMap a/b does not name slack/T0ACME/U0")
    agent.people = [{"user": "dana"}]
    assert "identities[0].slack: is missing" in service.answer(call("help")).title


@pytest.mark.parametrize("value", ["sync shop", f"approve shop {'ab' * 6}", "promote pay/web", "pause shop 1h x"])
def test_a_click_does_nothing_that_a_person_has_to_type(agent: KnownAgent, value: str) -> None:
    assert "a click is not enough" in ChatService(agent).answer(call(value, button=True)).title


def test_an_api_server_that_does_not_answer_allows_nothing(agent: KnownAgent) -> None:
    for text in ("status", "why shop", "sync shop", "abort pay/web"):
        reply = ChatService(agent).answer(call(text))
        assert reply.title.startswith("error: ")
        assert reply.lines == ()
    assert agent.recorded == []


def test_more_than_thirty_commands_a_minute_wait(agent: KnownAgent) -> None:
    service = ChatService(agent)
    titles = [service.answer(call("help")).title for _ in range(31)]

    assert "too many commands" in titles[30]
    assert {*titles[:30]} == {service.answer(call("help", LI)).title}
