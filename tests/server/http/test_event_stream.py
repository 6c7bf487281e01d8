"""The stream over a real socket: state, resume, restart, limits."""

from __future__ import annotations

import asyncio
import math
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import AppKey
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.http.event_stream import EventStreams, Wish
from gitops_agent.server.rights import Rights
from gitops_agent.server.rows import Rows
from gitops_agent.server.viewer import Viewer
from tests.server.applications import application
from tests.server.served import EVERYTHING, served

pytestmark = pytest.mark.slow


def test_a_change_is_sent_as_the_present_state_of_its_row(tmp_path: Path) -> None:
    with served(tmp_path, application("shop"), application("pay")) as dashboard, dashboard.stream() as events:
        name, hello = events.next()
        dashboard.put(application("shop", message="first"), application("shop", message="second"))
        changed, data = events.next()

        assert (name, changed) == ("hello", "rows")
        (row,) = data["rows"]
        assert row[hello["columns"].index("message")] == "second"


def test_an_application_that_is_gone_is_reported(tmp_path: Path) -> None:
    shop = application("shop")
    with served(tmp_path, shop) as dashboard, dashboard.stream() as events:
        events.next()
        dashboard.remove(shop)

        assert events.next() == ("gone", {"applications": [{"namespace": "gitops", "name": "shop"}]})


def test_a_subscribed_application_is_reported_whatever_changed_in_it(tmp_path: Path) -> None:
    with served(tmp_path, application("shop")) as dashboard, dashboard.stream("app:gitops/shop") as events:
        events.next()
        dashboard.put(application("shop", version="99"))

        name, data = events.next()
        assert (name, data["resourceVersion"]) == ("app", "99")


def test_a_viewer_that_comes_back_gets_what_it_missed(tmp_path: Path) -> None:
    with served(tmp_path, application("shop"), application("pay")) as dashboard:
        with dashboard.stream() as events:
            events.next()
            dashboard.put(application("shop", message="first"))
            events.next()
            mark = events.last
        with dashboard.stream() as other:  # the change happens while the first viewer is away
            other.next()
            dashboard.put(application("pay", message="missed"))
            other.next()
        with dashboard.stream(last=mark) as events:
            assert events.next()[0] == "hello"
            name, data = events.next()

        assert name == "rows"
        assert [row[1] for row in data["rows"]] == ["pay"]


def test_the_number_of_an_event_is_sent_with_the_last_one_of_a_batch(tmp_path: Path) -> None:
    """A connection may break after `hello`."""
    with served(tmp_path, application("shop")) as dashboard:
        with dashboard.stream() as events:
            events.next()
            mark = events.last
        with dashboard.stream() as other:
            other.next()
            dashboard.put(application("shop", message="missed"))
            other.next()
        with dashboard.stream(last=mark) as events:
            events.next()

            assert events.last == ""


def test_after_a_restart_everything_is_loaded_again(tmp_path: Path) -> None:
    with served(tmp_path, application("shop")) as dashboard, dashboard.stream() as events:
        events.next()
        mark = events.last
    with served(tmp_path, application("shop")) as dashboard, dashboard.stream(last=mark) as events:
        assert events.next()[0] == "hello"
        assert events.next() == ("reset", {"why": "epoch"})


def test_a_server_that_stops_says_goodbye(tmp_path: Path) -> None:
    with served(tmp_path, application("shop")) as dashboard, dashboard.stream() as events:
        events.next()
        dashboard.streams.stop()

        assert events.next()[0] == "bye"
        assert events.next()[0] == "closed"


def test_rows_of_others_are_not_sent(tmp_path: Path) -> None:
    with served(tmp_path, application("shop"), application("pay")) as dashboard:
        dashboard.viewers.rights["guest"] = Rights(namespace="gitops", names=frozenset({("get", "applications", "pay")}))
        with dashboard.stream("rows,app:gitops/shop", viewer="guest") as events:
            events.next()
            dashboard.put(application("shop", message="hidden"), application("pay", message="shown"))
            _, data = events.next()

        assert [row[1] for row in data["rows"]] == ["pay"]


def test_one_session_has_eight_streams(tmp_path: Path) -> None:
    with served(tmp_path, application("shop")) as dashboard:
        dashboard.viewers.rights["other"] = Rights(namespace="gitops", allowed=EVERYTHING)
        opened = [dashboard.stream() for _ in range(8)]
        streams = [each.__enter__() for each in opened]
        for events in streams:
            events.next()

        reply = dashboard.ask("GET", "/api/v1/stream")
        with dashboard.stream(viewer="other") as events:
            assert events.next()[0] == "hello"
        for each in opened:
            each.__exit__(None, None, None)

        assert reply.status == 429
        assert int(reply.headers["retry-after"]) > 0


@pytest.mark.parametrize("topics", ["nonsense", "rows,secrets", ",".join(["app:a/b"] * 17)])
def test_an_unknown_topic_is_refused(tmp_path: Path, topics: str) -> None:
    with served(tmp_path) as dashboard:
        assert dashboard.ask("GET", f"/api/v1/stream?topics={topics}").status == 422


def test_a_stream_that_is_ended_during_a_send_says_so_at_once(tmp_path: Path) -> None:
    shop = AppKey("gitops", "shop")
    rows = Rows(lambda _: application("shop", message=str(len(sent))), lambda _: None)
    streams = EventStreams(rows, lambda: (shop,))
    kubeconfig = write_kubeconfig(tmp_path / "away", server="http://127.0.0.1:1", authority=b"", user="u", token="t")
    viewer = Viewer(user="u", groups=(), mode="token", access=ClusterClient.open(str(kubeconfig), None, "gitops"), digest="u")
    viewer._rights["gitops"] = (math.inf, Rights(namespace="gitops", allowed=EVERYTHING))
    sent: list[bytes] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message.get("body") or b"")
        if b"event: hello" in sent[-1]:
            streams.touch(shop)
        if b"event: rows" in sent[-1]:
            streams.stop()
            await asyncio.sleep(0)

    async def receive() -> MutableMapping[str, Any]:
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]  # the viewer stays

    async def watched() -> None:
        streams.attach(asyncio.get_running_loop())
        await asyncio.wait_for(streams.serve(viewer, Wish(topics="rows"), receive, send), 10)

    asyncio.run(watched())

    assert b"event: bye" in sent[-2]
