"""The server's end of one connection to a pod."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol

_RESET = struct.pack("ii", 1, 0)
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 1.0
_SHADOW = b"-shadow"


class Desk(Protocol):
    """What a conversation asks those who know the pods."""

    def enter(self, conversation: Conversation) -> bool:
        """Accepts a connection; False when no pod has its address."""

    def leave(self, conversation: Conversation) -> None:
        """Forgets a connection."""

    def answer(self, address: str, path: bytes, *, mirrored: bool) -> tuple[float, bytes]:
        """After how many seconds which bytes are sent."""

    def later(self, seconds: float, call: Callable[[], Any]) -> None:
        """Calls back after so many seconds."""


class Conversation(asyncio.Protocol):
    """One connection, its requests one after the other.

    Args:
        desk: of all connections.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._busy = False
        self._ending = False
        self._patience = _PATIENCE_SECONDS
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Finds out which pod is meant."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server makes
        self._transport = transport
        self.address = str(transport.get_extra_info("sockname")[0])
        self._enter()

    def data_received(self, data: bytes) -> None:
        """A part of a request."""
        self._buffer += data
        if not self._busy:
            self._next()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """The connection is gone, by whomever."""
        self._transport = None
        self._desk.leave(self)

    def finish(self) -> None:
        """Ends the connection once the answer under way is given."""
        self._ending = True
        if not self._busy and self._transport is not None:
            self._transport.close()

    def refuse(self) -> None:
        """Resets the connection."""
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def _enter(self) -> None:
        """Accepts a connection, waiting a moment for its pod to appear.

        The news of a new pod comes to us and to those who send it traffic by watches of their own, in either order, and no
        kubelet calls a pod ready whose process does not listen yet. Addresses are used again, so one that was known before
        is no exception.
        """
        if self._transport is None:
            return
        self._busy = not self._desk.enter(self)
        if not self._busy:
            self._next()
        elif self._patience > 0:
            self._patience -= _LOOK_SECONDS
            self._desk.later(_LOOK_SECONDS, self._enter)
        else:
            self.refuse()

    def _next(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        length = _length(head)
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = self._buffer[end + 4 + length :]
        words = head.split(b" ", 2)
        path = words[1].partition(b"?")[0] if len(words) > 1 else b"/"
        delay, response = self._desk.answer(self.address, path, mirrored=_is_copy(head))
        self._busy = True
        if delay > 0:
            self._desk.later(delay, lambda: self._send(response))
        else:
            self._send(response)

    def _send(self, response: bytes) -> None:
        self._busy = False
        if self._transport is None:
            return
        self._transport.write(response)
        if self._ending:
            self._transport.close()
        elif self._buffer:
            self._next()


def _is_copy(head: bytes) -> bool:
    """Envoy says so in the host of the copies it makes."""
    return any(line.startswith(b"host:") and _SHADOW in line for line in head.lower().split(b"\r\n")[1:])


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n")[1:]:
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0
