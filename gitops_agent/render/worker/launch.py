"""Connects to the process that renders, and starts it where necessary.

The started one hears of connections over a socket that is its standard input. That socket closes when this process ends,
however it ends, and so does everything that was started.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Protocol

from gitops_agent.config.directories import cache_home
from gitops_agent.errors import ProcessError, RenderError
from gitops_agent.process import Process, kill_group, spawn
from gitops_agent.render.scratch import workspace

_END_SECONDS = 5.0
_CONNECT_SECONDS = 2.0
_TAIL = 2000


class Dialer(Protocol):
    """Opens connections to workers."""

    def start(self) -> None:
        """Starts what will be needed; a problem shows at the first connection."""

    def connect(self) -> socket.socket:
        """A connection to a worker that serves no other.

        Raises:
            RenderError: there is none; it is transient.
        """

    def close(self) -> None:
        """Ends what was started."""


class SocketDialer:
    """Reaches workers that run elsewhere, in a container of their own.

    Args:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def start(self) -> None:
        """There is nothing to start."""

    def connect(self) -> socket.socket:
        """See `Dialer.connect`."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_CONNECT_SECONDS)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            text = f"the render worker does not answer at {self._path}: {error.strerror or error}"
            raise RenderError(text, cause="start", transient=True) from None
        return connection

    def close(self) -> None:
        """There is nothing to end."""


class ProcessDialer:
    """Starts the process that renders, again when it died.

    Args:
        scratch: a folder for copies of files.
        programs: helm and kustomize, None where they are looked for.
    """

    def __init__(self, scratch: Path, programs: dict[str, Path | None]) -> None:
        self._scratch, self._programs = scratch, programs
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._control: socket.socket | None = None
        self._log: IO[bytes] | None = None
        self._files = contextlib.ExitStack()

    def start(self) -> None:
        """Starts the process, which imports what it needs meanwhile."""
        with self._lock, contextlib.suppress(RenderError):
            self._started()

    def connect(self) -> socket.socket:
        """See `Dialer.connect`."""
        with self._lock:
            for _ in range(2):
                control = self._started()
                ours, theirs = socket.socketpair()
                with theirs:
                    try:
                        socket.send_fds(control, [b"c"], [theirs.fileno()])
                    except OSError:
                        ours.close()
                        problem = self._end()
                    else:
                        return ours
        raise RenderError(f"the process that renders ended at once: {problem}", cause="start", transient=True)

    def close(self) -> None:
        """Ends the process with all it started."""
        with self._lock:
            self._end()

    def _started(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._end()
        files = contextlib.ExitStack()
        folder = files.enter_context(workspace(self._scratch))
        control, theirs = socket.socketpair()
        log = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process runs
        argv = [sys.executable, "-P", "-m", "gitops_agent", "render-worker", "--scratch", str(folder)]
        for name, program in self._programs.items():
            argv += [f"--{name}", str(program.expanduser().absolute())] if program is not None else []
        try:
            with theirs:
                env = {"XDG_CACHE_HOME": str(cache_home())}
                self._process = spawn(tuple(argv), log=log, env=env, tied=False, stdin=theirs.fileno())
        except ProcessError as error:
            control.close()
            log.close()
            files.close()
            raise RenderError(error.message, cause="start", transient=True) from None
        self._control, self._log, self._files = control, log, files
        return control

    def _end(self) -> str:
        """Ends the process; returns the last line it printed."""
        process, control, log = self._process, self._control, self._log
        self._process = self._control = self._log = None
        if control is not None:
            control.close()
        if process is not None:
            with contextlib.suppress(Exception):
                process.wait(_END_SECONDS)
            kill_group(process)
        self._files.close()
        if log is None:
            return ""
        with log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _TAIL))
            lines = log.read().decode("utf-8", "replace").splitlines()
        return lines[-1][:500] if lines else "it printed nothing"
