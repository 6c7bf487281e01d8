"""SIGTERM and Ctrl-C as a call on a thread of its own.

Problem: the kernel may hand a signal to any thread, and Python runs a handler on the main thread only, which waits in a lock
and is not woken: the agent ran on until it was killed, without giving its lease back. Decision: Python's C handler writes each
signal to a socket, whatever thread got it, and a thread that reads from it asks for the end.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_BYTES = 64


def on_termination(stop: Callable[[], None]) -> None:
    """Calls `stop` at SIGTERM or Ctrl-C; only for the main thread.

    Args:
        stop: thread-safe; called once for each signal.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    for number in SIGNALS:
        signal.signal(number, _noted)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reader, writer, stop), name="signals", daemon=True).start()


def _noted(_number: int, _frame: object) -> None:
    """Stands in for the default, which ends the process at once."""


def _listen(reader: socket.socket, _writer: socket.socket, stop: Callable[[], None]) -> None:
    """Reads signals; holds both ends, so that they stay open."""
    while numbers := reader.recv(_BYTES):
        if any(number in numbers for number in SIGNALS):
            stop()
