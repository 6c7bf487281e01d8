from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from benchmarks.traffic.load import Load
from benchmarks.traffic.pods import Pod
from benchmarks.traffic.servers import Servers
from gitops_agent.errors import AgentError
from gitops_agent.sandbox.ports import free_ports
from tests.waiting import eventually

pytestmark = pytest.mark.slow

ADDRESS = "127.0.0.5"
POD = Pod(address=ADDRESS, namespace="shop", name="web-1", image="web:2", variant="canary")


class Place:
    """The servers, on one address of loopback and a free port."""

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self.url = f"http://{ADDRESS}:{self.port}/"
        self.servers = Servers(host=ADDRESS, ports=(self.port,))
        self.servers.start()

    def begin(self) -> None:
        """The pod answers."""
        self.servers.appeared(POD)
        eventually(lambda: not self.ask(1).failed)

    def ask(self, count: int) -> Load:
        """So many requests, answered."""
        with Load(self.url, rate=1000, count=count, timeout_seconds=5) as load:
            return load.wait(count)


@pytest.fixture
def place() -> Iterator[Place]:
    new_place = Place()
    yield new_place
    new_place.servers.stop()


def test_an_answer_names_its_pod(place: Place) -> None:
    place.begin()
    [answer] = place.ask(1).since()

    assert (answer.status, answer.pod, answer.image, answer.variant) == (200, "web-1", "web:2", "canary")


def test_an_address_without_a_pod_resets_every_connection(place: Place) -> None:
    load = place.ask(5)

    assert load.failed == 5
    assert {answer.error for answer in load.since()} <= {"reset", "closed"}


def test_a_client_that_learns_of_a_pod_before_its_server_is_answered(place: Place) -> None:
    with Load(place.url, count=1, timeout_seconds=5) as load:
        eventually(lambda: load.sent == 1)
        place.servers.appeared(POD)
        load.wait(1)

    assert load.failed == 0


@pytest.mark.slow
def test_a_pod_that_ends_gives_the_answer_it_owes_and_no_other(place: Place) -> None:
    place.begin()
    place.servers.fault("web:2", delay_seconds=0.5)
    with Load(place.url, count=1) as load:
        eventually(lambda: place.servers.received(image="web:2") >= 2)
        place.servers.vanished(POD)
        load.wait(1)

    assert load.failed == 0
    assert place.ask(1).failed == 1


def test_a_connection_at_rest_is_closed_when_its_pod_ends(place: Place) -> None:
    place.begin()
    with socket.create_connection((ADDRESS, place.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        place.servers.vanished(POD)

        assert connection.recv(4096) == b""


def test_another_pod_at_the_address_is_not_ended_by_news_of_the_last_one(place: Place) -> None:
    place.begin()
    place.servers.appeared(Pod(address=ADDRESS, namespace="shop", name="web-2", image="web:2", variant="primary"))
    place.servers.vanished(POD)

    assert place.ask(1).share("primary") == 100
    assert place.servers.received(variant="canary") > 0


def test_errors_come_as_often_as_asked_for_and_are_marked(place: Place) -> None:
    place.begin()
    place.servers.fault("web:2", error_percent=25)
    load = place.ask(100)
    place.servers.heal("web:2")

    assert [answer.status for answer in load.since() if answer.injected] == [500] * 25
    assert load.failed == 0
    assert not any(answer.injected for answer in place.ask(20).since())


def test_delays_are_seen_by_the_client_and_by_prometheus(place: Place) -> None:
    place.begin()
    place.servers.fault("web:2", delay_seconds=0.2)
    [answer] = place.ask(1).since()

    assert answer.seconds >= 0.2
    with socket.create_connection((ADDRESS, place.port), timeout=5) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
        text = connection.recv(65536).decode()
    labels = 'namespace="shop",pod="web-1",image="web:2",variant="canary"'
    assert f"http_request_duration_seconds_sum{{{labels}}} 0.200000" in text
    assert f'http_requests_total{{code="200",{labels}}} ' in text


def test_copies_are_counted_by_themselves(place: Place) -> None:
    place.begin()
    with Load(place.url, count=3, headers={"Host": "shop.example-shadow"}) as load:
        load.wait(3)

    assert place.servers.received(variant="canary", mirrored=True) == 3
    assert place.servers.received(namespace="other") == 0


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.create_server((ADDRESS, 0)) as taken:
        servers = Servers(host=ADDRESS, ports=(taken.getsockname()[1],))
        with pytest.raises(AgentError, match=r"do not listen: .*address already in use"):
            servers.start()
