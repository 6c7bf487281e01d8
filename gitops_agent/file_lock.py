"""Locks between processes, released when their holder dies.

Problem: two processes must not build the same tool or own the same sandbox, and a lock file with a process id in it lies
after a crash. Decision: `flock` on a file, released by the kernel. Its holder may delete the file, so a lock taken on a
file that has been unlinked or replaced in between is taken again.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from gitops_agent.errors import AgentError

_LOOK_SECONDS = 0.3
_RETRY_SECONDS = 0.01
_VANISHED = 1000


class Busy(AgentError):
    """Another process holds the lock."""

    reason = "Busy"
    transient = True


class FileLock:
    """An exclusive lock on a file, which is created when missing.

    Args:
        path: the file to lock.
        wait: whether taking the lock waits for its holder; otherwise `Busy` is raised after a moment, because a mere
        check (`held`) holds it for an instant too.
    """

    def __init__(self, path: Path, *, wait: bool = True) -> None:
        self.path = path
        self._wait = wait
        self._fd = -1

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            Busy: another process holds it and this lock does not wait.
        """
        deadline = time.monotonic() + _LOOK_SECONDS
        vanished = 0
        while True:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            except (FileExistsError, FileNotFoundError):
                # Its last holder may remove the folder between these two calls, and even within the first.
                vanished += 1
                if self.path.parent.is_file() or vanished > _VANISHED:
                    raise
                continue
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if self._wait else fcntl.LOCK_NB))
            except BlockingIOError:
                os.close(fd)
                if time.monotonic() > deadline:
                    raise Busy(f"{self.path} is locked by another process", path=str(self.path)) from None
                threading.Event().wait(_RETRY_SECONDS)
                continue
            except BaseException:
                os.close(fd)
                raise
            if self._still_there(fd):
                self._fd = fd
                return
            os.close(fd)

    def release(self) -> None:
        """Gives the lock back; harmless when it is not held."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _still_there(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), self.path.stat())
        except FileNotFoundError:
            return False

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def held(path: Path) -> bool:
    """Whether some process holds the lock on this file right now."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
