"""Logs that are followed, over real sockets on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.errors import Unavailable
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import APPLICATION, ID, label_value
from gitops_agent.operations.log_follower import Container
from gitops_agent.server.http.log_streams import LineBuffer
from tests.cluster.log_api import Api, pod
from tests.cluster.wire import Wire
from tests.server.applications import application
from tests.server.served import served
from tests.waiting import eventually

pytestmark = pytest.mark.slow

WEB = Container(namespace="shop", pod="web-1", name="app")
LOGS = "/api/v1/applications/gitops/shop/logs/core/Pod/gitops-system/web"
SHOP = AppKey("gitops", "shop")


def owned_pod() -> Object:
    web = pod("web", "app", "proxy", init="migrate")
    labels, annotations = {APPLICATION: label_value(SHOP)}, {ID: f"{ObjectKey.of(web)}@{SHOP}"}
    return {**web, "metadata": {**web["metadata"], "labels": labels, "annotations": annotations}}


def test_lines_come_as_they_are_written_and_say_when_there_are_no_more(tmp_path: Path) -> None:
    api = Api(owned_pod(), web="2026-11-29T11:00:00.5Z one\n2026-11-29T11:00:01.5Z \x1b[31mtwo\x1b[0m\n")
    with (
        Wire(api) as wire,
        served(tmp_path, application("shop"), api=wire.url) as dashboard,
        dashboard.stream(path=LOGS, topics="?follow=true&container=app&tail=7&since=2026-11-29T10:00:00Z") as events,
    ):
        name, data = events.next()
        assert name == "lines"
        assert [(line["at"], line["pod"], line["container"], line["text"]) for line in data["lines"]] == [
            ("2026-11-29T11:00:00.5Z", "web", "app", "one"),
            ("2026-11-29T11:00:01.5Z", "web", "app", "two"),
        ]
        assert events.next() == ("bye", {"retryMs": 2000, "why": "ended"})

    (asked,) = [each for each in wire.asked if each.path.endswith("/log")]
    expected = {"follow": "true", "tailLines": "7", "sinceTime": "2026-11-29T10:00:00+00:00", "container": "app"}
    assert expected.items() <= asked.query.items()
    assert asked.headers["authorization"] == "Bearer t"


def test_a_log_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    with (
        Wire(Api(owned_pod())) as wire,
        served(tmp_path, application("shop"), api=wire.url) as dashboard,
        dashboard.stream(path=LOGS, topics="?follow=true") as events,
    ):
        seen = [events.next() for _ in range(2)]

    assert {(name, data["container"]) for name, data in seen} == {("problem", "app"), ("problem", "proxy")}
    assert all("ContainerCreating" in data["why"] for _, data in seen)


def test_a_page_that_leaves_ends_the_streams_of_the_api_server(tmp_path: Path) -> None:
    api = Api(owned_pod(), web="one\n")
    api.lasts = True
    with Wire(api) as wire, served(tmp_path, application("shop"), api=wire.url) as dashboard:
        with dashboard.stream(path=LOGS, topics="?follow=true&container=app") as events:
            assert events.next()[0] == "lines"
            assert api.followed == 1
        eventually(lambda: api.followed == 0, what="no log is followed")


def test_a_session_follows_four_logs_at_most(tmp_path: Path) -> None:
    api = Api(owned_pod(), web="one\n")
    api.lasts = True
    with Wire(api) as wire, served(tmp_path, application("shop"), api=wire.url) as dashboard:
        opened = [dashboard.stream(path=LOGS, topics="?follow=true&container=app") for _ in range(4)]
        for each in opened:
            assert each.__enter__().next()[0] == "lines"

        reply = dashboard.ask("GET", f"{LOGS}?follow=true")

        assert (reply.status, reply.json()["reason"]) == (429, "Throttled")
        for each in opened:
            each.__exit__(None, None, None)


@pytest.mark.parametrize("query", ["follow=true&previous=true", "follow=yes", "since=yesterday", "since=2026-11-29", "tail=0"])
def test_what_cannot_be_followed_is_refused(tmp_path: Path, query: str) -> None:
    with served(tmp_path, application("shop")) as dashboard:
        assert dashboard.ask("GET", f"{LOGS}?{query}").status == 422


def test_the_oldest_lines_give_way_and_are_counted() -> None:
    buffer = LineBuffer(running=1)
    for number in range(2_000):
        buffer.add((WEB, b"%06d" % number + b"x" * 1_000))
    buffer.add((WEB, Unavailable("torn")))

    entries, dropped, ended = buffer.taken()

    assert len(entries) - 1 + dropped == 2_000
    assert 200 < len(entries) < 520
    assert entries[-2][1] == b"001999" + b"x" * 1_000
    assert not ended
    buffer.add((WEB, None))
    assert buffer.taken() == ([], 0, True)
