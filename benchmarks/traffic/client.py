"""A minimal HTTP/1.1 client connection that distinguishes every kind of failure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from benchmarks.traffic.answer import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where requests go, and what they say.

    Attributes:
        host: an address.
        port: of TCP.
        head: the request line and headers, without the empty line.
    """

    host: str
    port: int
    head: str

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str]) -> Self:
        """The address of an `http://` URL."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fields = {"host": parts.netloc, "user-agent": "traffic"} | {name.lower(): value for name, value in headers.items()}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return cls(host=parts.hostname or "127.0.0.1", port=parts.port or 80, head="\r\n".join(lines) + "\r\n")


class Connection(asyncio.Protocol):
    """One connection, opened by its first request; one request at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._done: asyncio.Future[tuple[int, dict[str, str]]] | None = None
        self._closed = False
        self._last = False
        self.asked = 0

    @property
    def reusable(self) -> bool:
        """Whether another request may go this way."""
        return self._transport is not None and not self._closed and not self._last

    def close(self) -> None:
        """Ends it; harmless when it has ended."""
        if self._transport is not None:
            self._transport.close()

    async def ask(self, extra: str, timeout_seconds: float) -> Answer:
        """Sends one request (with `extra` header lines) and waits for its end; never raises."""
        started = time.monotonic()
        self.asked += 1
        loop = asyncio.get_running_loop()
        step = "connect"
        try:
            async with asyncio.timeout(timeout_seconds):
                if self._transport is None:
                    await loop.create_connection(lambda: self, self._address.host, self._address.port)
                step = "closed"
                self._done = loop.create_future()
                if self._closed or self._transport is None:
                    return Answer(at=started, seconds=time.monotonic() - started, error=step)
                self._transport.write(f"{self._address.head}{extra}\r\n".encode())
                status, headers = await self._done
        except TimeoutError:
            self._abort()
            return Answer(at=started, seconds=time.monotonic() - started, error="timeout")
        except ConnectionResetError:
            return Answer(at=started, seconds=time.monotonic() - started, error="reset")
        except EOFError:
            return Answer(at=started, seconds=time.monotonic() - started, error="closed")
        except ValueError:
            self._abort()
            return Answer(at=started, seconds=time.monotonic() - started, error="unreadable")
        except OSError:
            self._abort()
            return Answer(at=started, seconds=time.monotonic() - started, error="connect" if step == "connect" else "reset")
        finally:
            self._done = None
        return Answer(
            at=started,
            seconds=time.monotonic() - started,
            status=status,
            variant=headers.get("x-variant", ""),
            image=headers.get("x-image", ""),
            pod=headers.get("x-pod", ""),
            injected=headers.get("injected") == "true",
        )

    # As asyncio calls it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._done is None or self._done.done():
            return
        try:
            status, headers = _head(self._buffer[:end])
            length = int(headers.get("content-length", "0"))
        except (ValueError, IndexError):
            self._done.set_exception(ValueError("this is no HTTP"))
            return
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = self._buffer[end + 4 + length :]
        self._last = headers.get("connection", "").lower() == "close"
        self._done.set_result((status, headers))

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, by whomever."""
        self._closed = True
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionResetError() if error is not None else EOFError())

    def _abort(self) -> None:
        self._closed = True
        if self._transport is not None:
            self._transport.abort()


def _head(data: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = data.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    if "transfer-encoding" in headers:
        raise ValueError("only bodies of a known length are read here")
    return int(first.split(" ")[1]), headers
