from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.cluster.stream import Stream
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Expired, Invalid, Unavailable
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import LIMIT_SECONDS

Start = Callable[[Script], Wire]


def test_a_stream_yields_values_whatever_the_pieces_they_come_in(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        line.begin()
        for piece in (b'{"a"', b": 1}\n\n{", b'"b": 2}\n{"c": 3}\n{"d":', b" 4}"):
            line.chunk(piece)
        line.end()

    with wire(script).transport(tmp_path).stream("/x", read_timeout=2) as lines:
        assert list(lines) == [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}]


def test_a_torn_line_is_an_error_and_not_an_event(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        line.begin()
        line.chunk(b'{"a": 1}\n{"b": \n')
        line.end()

    with wire(script).transport(tmp_path).stream("/x", read_timeout=2) as lines:
        values = iter(lines)

        assert next(values) == {"a": 1}
        with pytest.raises(Unavailable, match="torn line"):
            next(values)


def test_a_stream_that_breaks_off_is_an_error(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        line.begin()
        line.chunk(b'{"a": 1}\n{"b":')
        line.cut()

    with wire(script).transport(tmp_path).stream("/x", read_timeout=2) as lines, pytest.raises(Unavailable, match="broke off"):
        list(lines)


def test_a_stream_that_hangs_is_an_error(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        line.begin()
        line.hang()

    with wire(script).transport(tmp_path).stream("/x", read_timeout=0.2) as lines, pytest.raises(Unavailable) as caught:
        list(lines)

    assert caught.value.code == "Timeout"


def test_a_refused_stream_is_an_error_of_its_class(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.refuse(410, "Expired")).transport(tmp_path)
    with pytest.raises(Expired):
        transport.stream("/x", read_timeout=1)


def test_a_line_without_an_end_is_given_up(wire: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops_agent.cluster.stream._LINE_BYTES", 1000)

    def script(asked: Asked, line: Line) -> None:
        line.begin()
        while not server.over.is_set():
            line.chunk(b"x" * 500)

    server = wire(script)
    with server.transport(tmp_path).stream("/x", read_timeout=2) as lines, pytest.raises(Invalid):
        list(lines)


def test_closing_a_stream_ends_a_blocked_read_at_once(wire: Start, tmp_path: Path) -> None:
    def script(asked: Asked, line: Line) -> None:
        line.begin()
        line.chunk({"first": 1})
        line.hang()

    stream = wire(script).transport(tmp_path).stream("/x", read_timeout=600)

    assert _ends_when_closed(stream)


@pytest.mark.cluster
def test_closing_a_stream_over_tls_ends_a_blocked_read_at_once(transport: Transport) -> None:
    stream = transport.stream("/api/v1/namespaces", {"watch": "true"}, read_timeout=600)

    assert _ends_when_closed(stream)


def _ends_when_closed(stream: Stream) -> bool:
    """Whether a blocked reader ends without an error, and at once."""
    reading = threading.Event()
    errors: list[Exception] = []

    def read() -> None:
        with stream as lines:
            try:
                for _ in lines:
                    reading.set()
            except Exception as error:  # noqa: BLE001 - reported to the test
                errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert reading.wait(LIMIT_SECONDS)
    stream.close()
    thread.join(LIMIT_SECONDS)
    assert errors == []
    return not thread.is_alive()
