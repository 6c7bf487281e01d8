"""Forks a worker for each connection; kills it at hang-up.

A parser that holds Python's lock reads no message and obeys no signal handler, so no worker ends itself: this process, which
reads nothing of a repository, kills it with all it started, removes its files and reports how it died. Workers are forked from
here, where everything is imported already. When the agent is gone, everything ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import shutil
import signal
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import orjson

from gitops_agent.render.worker.service import serve

_PR_SET_PDEATHSIG = 1
_BACKLOG = 64
_SWEEPS = 100
_LENGTHS = struct.Struct(">II")


@dataclass(slots=True, eq=False, kw_only=True)
class _Worker:
    """A process, and the connection it serves."""

    pid: int
    process: int
    connection: socket.socket
    folder: Path
    unwanted: bool = False


class Supervisor:
    """Runs until the agent is gone; for one thread.

    Args:
        incoming: a socket that listens, or one over which connections are sent.
        scratch: for files of renders; empty.
        programs: helm and kustomize, None where they are looked for.
    """

    def __init__(self, incoming: socket.socket, scratch: Path, programs: dict[str, Path | None]) -> None:
        self._incoming, self._scratch, self._programs = incoming, scratch, programs
        self._listens = bool(incoming.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        self._workers: dict[int, _Worker] = {}
        self._poll = select.poll()
        self._count = 0
        self._ending = False

    def run(self) -> None:
        """Serves connections."""
        woken, wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        gc.freeze()  # workers share these pages
        self._poll.register(self._incoming, select.POLLIN)
        self._poll.register(woken, select.POLLIN)
        try:
            while not self._ending:
                for descriptor, _ in self._poll.poll():
                    self._handle(descriptor)
        finally:
            signal.set_wakeup_fd(-1)
            for worker in set(self._workers.values()):
                self._finish(worker)

    def _end(self, *_: object) -> None:
        self._ending = True

    def _handle(self, descriptor: int) -> None:
        if descriptor == self._incoming.fileno():
            connection = self._accept()
            if connection is None:
                self._ending = True
            else:
                self._start(connection)
        elif descriptor in self._workers:
            worker = self._workers[descriptor]
            worker.unwanted = descriptor == worker.connection.fileno()
            self._finish(worker)

    def _accept(self) -> socket.socket | None:
        """The next connection; None when the agent is gone."""
        if self._listens:
            return self._incoming.accept()[0]
        data, descriptors, _, _ = socket.recv_fds(self._incoming, 1, 1)
        return socket.socket(fileno=descriptors[0]) if data and descriptors else None

    def _start(self, connection: socket.socket) -> None:
        self._count += 1
        folder = self._scratch / f"worker-{self._count}"
        folder.mkdir(mode=0o700)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(connection, folder, parent)
        worker = _Worker(pid=pid, process=os.pidfd_open(pid), connection=connection, folder=folder)
        self._workers[worker.process] = self._workers[connection.fileno()] = worker
        self._poll.register(worker.process, select.POLLIN)
        self._poll.register(connection, select.POLLRDHUP)

    def _become_worker(self, connection: socket.socket, folder: Path, parent: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setsid()
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self._incoming.close()
            for worker in set(self._workers.values()):
                worker.connection.close()
                os.close(worker.process)
            if os.getppid() == parent:
                serve(connection, folder, self._programs)
                code = 0
        finally:
            os._exit(code)

    def _strays(self, worker: _Worker) -> list[int]:
        """What a worker that ended has left.

        What leaves the session of its worker becomes a child of this process, but only once its own parent has died: one look
        is not enough.
        """
        workers = {each.pid for each in self._workers.values()}
        return [
            process.pid
            for process in _processes()
            if process.session == worker.pid or (process.parent == os.getpid() and process.pid not in workers)
        ]

    def _finish(self, worker: _Worker) -> None:
        """Ends a worker with all it started, and forgets it."""
        self._poll.unregister(worker.process)
        self._poll.unregister(worker.connection)
        del self._workers[worker.process], self._workers[worker.connection.fileno()]
        os.kill(worker.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        for _ in range(_SWEEPS):
            strays = self._strays(worker)
            if not strays:
                break
            for pid in strays:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for pid in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        shutil.rmtree(worker.folder, ignore_errors=True)
        if code != 0 and not worker.unwanted:
            head = orjson.dumps({"died": code})
            with contextlib.suppress(OSError):
                worker.connection.send(_LENGTHS.pack(len(head), 0) + head, socket.MSG_DONTWAIT)
        worker.connection.close()
        os.close(worker.process)


def listen(path: Path) -> socket.socket:
    """A socket at a path, for this user and group.

    Raises:
        OSError: it cannot be there.
    """
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    path.chmod(0o660)
    server.listen(_BACKLOG)
    return server


class _Process(NamedTuple):
    """A process of this machine."""

    pid: int
    parent: int
    session: int


def _processes() -> Iterator[_Process]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                # Fields after the parenthesised command name: state ppid pgrp session …
                fields = (Path(entry.path) / "stat").read_bytes().rpartition(b")")[2].split()
                yield _Process(int(entry.name), int(fields[1]), int(fields[3]))
