from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import urllib3

from gitops_agent.errors import AgentError, UsageError
from gitops_agent.server import probes as probes_module
from gitops_agent.server.probes import Probes
from tests.waiting import eventually

pytestmark = pytest.mark.slow

Ask = Callable[[str], tuple[int, str]]


class Process:
    """What the probes ask."""

    def __init__(self) -> None:
        self.alive: tuple[bool, str] = (True, "ok")
        self.ready: tuple[bool, str] = (True, "leading")


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def probes(process: Process) -> Iterator[Probes]:
    probes = Probes("127.0.0.1", 0, alive=lambda: process.alive, ready=lambda: process.ready, metrics=lambda: b"up 1\n")
    probes.start()
    yield probes
    probes.stop()


@pytest.fixture
def ask(probes: Probes) -> Iterator[Ask]:
    with urllib3.PoolManager(retries=False, timeout=60) as pool:

        def do(path: str) -> tuple[int, str]:
            answer = pool.request("GET", f"http://127.0.0.1:{probes.port}{path}")
            return answer.status, answer.data.decode()

        yield do


def test_a_healthy_process_says_so(ask: Ask) -> None:
    assert ask("/healthz") == (200, "ok\n")
    assert ask("/readyz") == (200, "leading\n")


def test_a_process_that_must_be_restarted_says_why(ask: Ask, process: Process) -> None:
    process.alive = (False, "a worker thread has ended")

    assert ask("/healthz") == (503, "a worker thread has ended\n")


def test_not_being_ready_is_no_reason_for_a_restart(ask: Ask, process: Process) -> None:
    process.ready = (False, "stopping")

    assert ask("/readyz") == (503, "stopping\n")
    assert ask("/healthz")[0] == 200


def test_metrics_are_served_as_prometheus_reads_them(probes: Probes) -> None:
    with urllib3.PoolManager(retries=False, timeout=60) as pool:
        answer = pool.request("GET", f"http://127.0.0.1:{probes.port}/metrics")

    assert answer.data == b"up 1\n"
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_a_query_changes_nothing(ask: Ask) -> None:
    assert ask("/healthz?verbose=1")[0] == 200


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/more", "/favicon.ico"])
def test_nothing_else_is_served(ask: Ask, path: str) -> None:
    assert ask(path)[0] == 404


def test_a_client_that_says_nothing_blocks_no_other(ask: Ask, probes: Probes) -> None:
    with socket.create_connection(("127.0.0.1", probes.port), timeout=60):
        assert ask("/healthz")[0] == 200


def test_a_used_port_is_named_with_the_setting_that_changes_it() -> None:
    def probes(address: str, port: int) -> Probes:
        return Probes(address, port, alive=lambda: (True, ""), ready=lambda: (True, ""), metrics=lambda: b"")

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AgentError, match=rf"another process listens on 127\.0\.0\.1:{port}: set server\.port") as used:
            probes("127.0.0.1", port)
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:8080 \(server\.address, server\.port\): "):
        probes("192.0.2.1", 8080)

    assert used.value.reason == "NoFreePort"


def test_a_stopped_server_frees_its_port(process: Process) -> None:
    first = Probes("127.0.0.1", 0, alive=lambda: process.alive, ready=lambda: process.ready, metrics=lambda: b"")
    first.start()
    first.stop()

    second = Probes("127.0.0.1", first.port, alive=lambda: process.alive, ready=lambda: process.ready, metrics=lambda: b"")
    second.start()
    second.stop()


def test_many_connections_cost_no_threads_and_the_next_one_is_answered(ask: Ask, probes: Probes) -> None:
    threads = set(threading.enumerate())
    with contextlib.ExitStack() as idle:
        for number in range(300):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", probes.port), timeout=60))
            with contextlib.suppress(OSError):
                connection.sendall(b"GET /healthz HTTP/1.1\r\n" if number % 2 else b"G")
        assert ask("/healthz")[0] == 200
        fresh = set(threading.enumerate()) - threads
        assert len(fresh) < 5, fresh  # another test may have left one that starts late


def test_a_request_that_drips_in_ends_at_its_deadline(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes_module, "_SECONDS", 0.3)
    served = Probes("127.0.0.1", 0, alive=lambda: process.alive, ready=lambda: process.ready, metrics=lambda: b"")
    served.start()
    try:
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
            connection.setblocking(False)

            def ended() -> bool:
                try:
                    connection.send(b"G")
                    return connection.recv(1) == b""
                except BlockingIOError:
                    return False
                except OSError:
                    return True

            eventually(ended)
    finally:
        served.stop()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET /healthz\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"\xff\xff\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /" + b"x" * 10_000, b"HTTP/1.1 431 Request Header Fields Too Large"),
    ],
)
def test_other_requests_are_refused(probes: Probes, request_: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", probes.port), timeout=60) as connection:
        connection.sendall(request_)
        answer = connection.makefile("rb").read()

    assert answer.partition(b"\r\n")[0] == status
    assert b"Connection: close" in answer


def test_a_large_answer_arrives_whole(process: Process) -> None:
    text = b"x" * 20_000_000
    served = Probes("127.0.0.1", 0, alive=lambda: process.alive, ready=lambda: process.ready, metrics=lambda: text)
    served.start()
    try:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            assert pool.request("GET", f"http://127.0.0.1:{served.port}/metrics").data == text
    finally:
        served.stop()


def test_a_check_that_raises_is_an_answer_and_ends_nothing(process: Process) -> None:
    def broken() -> bytes:
        raise RuntimeError("no metrics")

    served = Probes("127.0.0.1", 0, alive=lambda: process.alive, ready=lambda: process.ready, metrics=broken)
    served.start()
    try:
        with urllib3.PoolManager(retries=False, timeout=60) as pool:
            assert pool.request("GET", f"http://127.0.0.1:{served.port}/metrics").status == 500
            assert pool.request("GET", f"http://127.0.0.1:{served.port}/healthz").status == 200
    finally:
        served.stop()
