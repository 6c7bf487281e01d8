from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from benchmarks.traffic.answer import Answer
from benchmarks.traffic.load import Load, LoadStalled

FINE = b"HTTP/1.1 200 OK\r\nx-pod: a\r\nx-variant: primary\r\ncontent-length: 2\r\n\r\nok"
SLOW = b"later"

Serve = Callable[[bytes], str]


class Server:
    """Answers every request with the same bytes; none is a hang-up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/path"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(60)

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                self.requests.append(request)
                if self._answer == SLOW:
                    continue
                if not self._answer:
                    return
                connection.sendall(self._answer)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    http_server = Server(request.param)
    yield http_server
    http_server.close()


@pytest.mark.parametrize("server", [FINE], indirect=True)
def test_requests_go_round_the_connections_and_are_recorded(server: Server) -> None:
    with Load(server.url, rate=500, connections=3, count=60, headers={"Host": "shop.example", "X-User": "david"}) as load:
        load.wait(60)

    assert (load.sent, load.failed, load.share("primary"), load.share("canary")) == (60, 0, 100.0, 0.0)
    assert server.connections >= 3
    assert all(b"\r\nhost: shop.example\r\n" in request and b"\r\nx-user: david\r\n" in request for request in server.requests)
    assert {(request.status, request.pod, request.variant, request.error) for request in load.since()} == {
        (200, "a", "primary", "")
    }


@pytest.mark.parametrize("server", [FINE], indirect=True)
def test_every_request_can_have_a_connection_of_its_own(server: Server) -> None:
    with Load(server.url, rate=500, per_connection=1, count=20) as load:
        load.wait(20)

    assert (server.connections, load.failed) == (20, 0)


@pytest.mark.parametrize("server", [FINE], indirect=True)
def test_the_draws_of_a_hundred_requests_meet_every_remainder_once(server: Server) -> None:
    with Load(server.url, rate=1000, count=100) as load:
        load.wait(100)

    draws = [int(request.partition(b"x-draw: ")[2].split()[0]) for request in server.requests]
    assert sorted(draw % 100 for draw in draws) == list(range(100))


@pytest.mark.parametrize(
    ("server", "error"),
    [
        (b"", "closed"),
        (SLOW, "timeout"),
        (b"nonsense\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", ""),
    ],
    indirect=["server"],
)
def test_what_a_user_would_see_as_an_error_is_one(server: Server, error: str) -> None:
    with Load(server.url, rate=100, count=3, timeout_seconds=0.3) as load:
        load.wait(3)

    assert load.failed == 3
    assert {answer.error for answer in load.failures()} == {error}


@pytest.mark.parametrize("server", [b"HTTP/1.1 500 No\r\ninjected: true\r\ncontent-length: 0\r\n\r\n"], indirect=True)
def test_an_error_that_was_asked_for_is_no_failure(server: Server) -> None:
    with Load(server.url, rate=100, count=3) as load:
        load.wait(3)

    assert load.failed == 0
    assert all(answer.injected and answer.status == 500 for answer in load.since())


def test_a_closed_port_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    with Load(url, rate=100, count=2) as load:
        load.wait(2)

    assert [answer.error for answer in load.failures()] == ["connect", "connect"]


@pytest.mark.parametrize("server", [FINE], indirect=True)
def test_a_mark_divides_by_the_time_of_sending(server: Server) -> None:
    with Load(server.url, rate=200) as load:
        load.wait(5)
        mark = load.mark()
        load.wait(5, since=mark)

    assert all(answer.at >= mark for answer in load.since(mark))
    assert len(load.since(mark)) < len(load.since())


@pytest.mark.slow
@pytest.mark.parametrize("server", [SLOW], indirect=True)
def test_waiting_for_answers_that_do_not_come_is_an_error(server: Server) -> None:
    with Load(server.url, rate=50, count=1, timeout_seconds=2) as load, pytest.raises(LoadStalled, match="0 of 1 requests"):
        load.wait(1, seconds=0.1)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (Answer(at=0, seconds=0, status=404), False),
        (Answer(at=0, seconds=0, status=500), True),
        (Answer(at=0, seconds=0, status=500, injected=True), False),
        (Answer(at=0, seconds=0, error="reset"), True),
    ],
)
def test_a_request_failed_when_the_path_or_the_server_did(answer: Answer, failed: bool) -> None:  # noqa: FBT001
    assert answer.failed is failed
