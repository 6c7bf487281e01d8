"""Messages over a Unix socket: a JSON head and a body.

Either half may send anything, stop in the middle or never answer, so every length is checked before it is received, and every
wait ends at a deadline or when the render is cancelled. A message is two lengths of four bytes, the head and the body.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Any

import orjson

HEAD_BYTES = 4 * 1024 * 1024
BODY_BYTES = 32 * 1024 * 1024
_LENGTHS = struct.Struct(">II")
_TICK_SECONDS = 0.1
_CHUNK = 256 * 1024


class ChannelError(Exception):
    """The conversation ended; `cause` is closed, timeout, cancelled or invalid."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; the head is a JSON object."""

    head: dict[str, Any]
    body: bytes = b""


class Channel:
    """One end of a conversation; for one thread at a time.

    Args:
        connection: a connected stream socket; the channel owns it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.setblocking(False)
        self._deadline: float | None = None
        self._cancel: threading.Event | None = None

    def limit(self, deadline: float | None, cancel: threading.Event | None) -> None:
        """Bounds what follows by a monotonic time and an event."""
        self._deadline, self._cancel = deadline, cancel

    def send(self, head: dict[str, Any], body: bytes = b"") -> None:
        """Sends one message.

        Raises:
            ChannelError: it cannot be sent, in time.
        """
        text = orjson.dumps(head)
        if len(text) > HEAD_BYTES or len(body) > BODY_BYTES:
            raise ChannelError("invalid")
        view = memoryview(b"".join((_LENGTHS.pack(len(text), len(body)), text, body)))
        while view:
            try:
                view = view[self._connection.send(view[:_CHUNK]) :]
            except BlockingIOError:
                self._wait(select.POLLOUT)
            except OSError:
                raise ChannelError("closed") from None

    def receive(self) -> Message:
        """The next message.

        Raises:
            ChannelError: there is none, in time, or it is none.
        """
        head_bytes, body_bytes = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        if head_bytes > HEAD_BYTES or body_bytes > BODY_BYTES:
            raise ChannelError("invalid")
        data = self._exactly(head_bytes + body_bytes)
        try:
            head = orjson.loads(memoryview(data)[:head_bytes])
        except orjson.JSONDecodeError:
            raise ChannelError("invalid") from None
        if not isinstance(head, dict):
            raise ChannelError("invalid")
        return Message(head=head, body=bytes(memoryview(data)[head_bytes:]))

    def close(self) -> None:
        """Ends the conversation at once."""
        self._connection.close()

    def hang_up(self, seconds: float) -> None:
        """Ends the conversation, and waits until the peer has ended too.

        Args:
            seconds: how long it may take.
        """
        self.limit(time.monotonic() + seconds, None)
        try:
            self._connection.shutdown(socket.SHUT_WR)
            while self._read(_CHUNK):
                pass
        except (OSError, ChannelError):
            pass
        finally:
            self.close()

    def _exactly(self, size: int) -> bytearray:
        data = bytearray()
        while len(data) < size:
            chunk = self._read(min(_CHUNK, size - len(data)))
            if not chunk:
                raise ChannelError("closed")
            data += chunk
        return data

    def _read(self, most: int) -> bytes:
        while True:
            try:
                return self._connection.recv(most)
            except BlockingIOError:
                self._wait(select.POLLIN)
            except OSError:
                raise ChannelError("closed") from None

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._connection, event)
        while True:
            if self._cancel is not None and self._cancel.is_set():
                raise ChannelError("cancelled")
            left = None if self._deadline is None else self._deadline - time.monotonic()
            if left is not None and left <= 0:
                raise ChannelError("timeout")
            seconds = min(_TICK_SECONDS, left or _TICK_SECONDS) if self._cancel is not None else left
            if poll.poll(None if seconds is None else seconds * 1000):
                return
