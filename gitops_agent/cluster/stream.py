"""A stream of lines, mostly of JSON, that any thread can close."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import orjson
import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from gitops_agent.errors import Invalid, Unavailable

_CHUNK_BYTES = 1 << 16
_LINE_BYTES = 64 << 20


class Stream:
    """JSON lines as they arrive; `close` from any thread ends a read."""

    def __init__(self, response: urllib3.BaseHTTPResponse, *, read_timeout: float, what: str) -> None:
        self._response = response
        self._what = what
        self._closed = threading.Event()
        sock = getattr(response.connection, "sock", None)
        if sock is not None:
            sock.settimeout(read_timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed.set()
        self._response.close()

    def __iter__(self) -> Iterator[Any]:
        """The values; ends when the server ends the stream or after `close`.

        Raises:
            Unavailable: nothing came for too long, the connection broke, or a line is torn.
        """
        for line in self.lines():
            if line.strip():
                yield self._parse(line)

    def lines(self) -> Iterator[bytes]:
        """The lines as bytes, such as those of a log.

        Raises:
            Unavailable: nothing came for too long, or the connection broke.
        """
        rest = b""
        try:
            for part in self._response.stream(_CHUNK_BYTES):
                if self._closed.is_set():
                    return
                *lines, rest = (rest + part).split(b"\n")
                yield from lines
                if len(rest) > _LINE_BYTES:
                    raise Invalid(f"{self._what} sent a line of more than {_LINE_BYTES} bytes", code="LineTooLong")
        except (HTTPError, OSError, ValueError, AttributeError) as error:
            if self._closed.is_set():
                return
            hung = isinstance(error, (ReadTimeoutError, TimeoutError))
            fault = "sent nothing for too long" if hung else "broke off"
            raise Unavailable(f"the stream from {self._what} {fault}", code="Timeout" if hung else "ConnectionTorn") from error
        if rest and not self._closed.is_set():
            yield rest

    def close(self) -> None:
        """Ends the stream from any thread."""
        self._closed.set()
        try:
            self._response.shutdown()
        except (OSError, ValueError, RuntimeError, AttributeError):
            # Already ended, or released by the reader in this very moment.
            return

    def _parse(self, line: bytes) -> Any:
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise Unavailable(f"the stream from {self._what} sent a torn line", code="ConnectionTorn") from error
