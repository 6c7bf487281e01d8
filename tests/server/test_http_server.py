from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gitops_agent.server.http_server import HttpServer
from gitops_agent.server.listening import listen
from tests.waiting import LIMIT_SECONDS


async def echo(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def endless(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first\n"
        await asyncio.Event().wait()

    return StreamingResponse(parts())


@pytest.fixture
def server() -> Iterator[HttpServer]:
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"]), Route("/endless", endless)])
    server = HttpServer(app, listen("127.0.0.1", 0, setting="server"), name="test-http", request_seconds=0.5)
    server.start()
    yield server
    server.stop()


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_SECONDS)


def closed(connection: socket.socket) -> bool:
    """Waits until the server ends the connection, whatever it says before."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def test_requests_are_answered_on_one_connection(server: HttpServer) -> None:
    with connect(server) as connection:
        for body in (b"", b"x" * 70_000):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            answer = b""
            while b"bytes" not in answer:
                answer += connection.recv(4096)

            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"%d bytes" % len(body))
            assert b"server:" not in answer.lower()


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"],
    ids=["silent", "half a line", "half a body"],
)
def test_a_request_that_never_ends_is_cut_off(server: HttpServer, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent)

        assert closed(connection)


def test_a_second_request_that_never_ends_is_cut_off(server: HttpServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET / HT")

        assert closed(connection)


def test_headers_without_end_are_refused(server: HttpServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 70_000)

        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_a_stop_ends_open_streams_and_frees_the_port(server: HttpServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"first" not in answer:
            answer += connection.recv(4096)

        server.stop()

        assert closed(connection)
    listen("127.0.0.1", server.port, setting="server").close()
