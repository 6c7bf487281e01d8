from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.server.chat.response_url import ResponseUrls
from gitops_agent.server.chat.slack_request import BODY_BYTES
from tests.server.applications import application
from tests.server.chat.agents import KnownAgent, Slack, away, listening, shown
from tests.server.chat.receiver import Receiver
from tests.server.chat.requests import click, signed, slash
from tests.waiting import eventually


@pytest.fixture
def agent(tmp_path: Path) -> KnownAgent:
    return away(tmp_path, application("shop"))


def test_what_is_not_proven_gets_the_answer_of_every_stranger(agent: KnownAgent) -> None:
    body = slash("help")
    headers = signed(body)
    with listening(agent) as slack:
        first = slack.post(body, headers)
        others = [
            slack.post(body, headers),
            slack.post(body, {}),
            slack.post(body, signed(body, secret=b"x")),
            slack.post(body, signed(body) | {"content-type": "application/json"}),
            Slack(slack.address.replace("/chat/", "/hooks/")).post(body),
        ]
        agent.keys = ()
        others.append(slack.post(body))

    assert first.status == 200
    assert {(other.status, other.data) for other in others} == {(401, b"unauthorized\n")}


def test_a_follower_says_when_to_come_again(agent: KnownAgent) -> None:
    agent.keys = None
    with listening(agent) as slack:
        answer = slack.post(slash("help"))

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


def test_a_body_of_more_than_64_kib_is_not_read(agent: KnownAgent) -> None:
    body = slash("x" * BODY_BYTES)
    with listening(agent) as slack:
        answers = [slack.post(body), slack.post(b"ssl_check=1")]

    assert [answer.status for answer in answers] == [413, 200]


def test_the_answer_to_a_click_is_sent(agent: KnownAgent) -> None:
    receiver = Receiver()
    try:
        with listening(agent, ResponseUrls(receiver.origin)) as slack:
            answer = slack.post(click("help", response_url=receiver.origin))
            eventually(lambda: len(receiver.bodies) == 1, what="the answer")
    finally:
        receiver.stop()
    assert (answer.status, answer.data) == (200, b"")
    assert "/gitops status [APP]" in shown(receiver.bodies[0])


def test_an_answer_that_takes_long_follows(agent: KnownAgent) -> None:
    receiver, ready = Receiver(), threading.Event()

    class Slow(KnownAgent):
        def access(self) -> ClusterClient:
            ready.wait(60)
            return super().access()

    slow = Slow(agent.source, agent.client)
    try:
        with listening(slow, ResponseUrls(receiver.origin), patience_seconds=0.05) as slack:
            assert "The answer follows" in slack.says("help", response_url=receiver.origin + "commands/1")
            assert receiver.bodies == []
            ready.set()
            eventually(lambda: len(receiver.bodies) == 1, what="the answer")
    finally:
        receiver.stop()
    assert "/gitops status [APP]" in shown(receiver.bodies[0])


def test_a_flood_without_proof_costs_no_request(agent: KnownAgent) -> None:
    body = slash("status")
    bad = signed(body, secret=b"x")
    with listening(agent) as slack:
        statuses = {slack.post(body, bad).status for _ in range(100)}

    assert statuses == {401}
    assert not agent.client.transport.count
