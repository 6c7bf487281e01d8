"""Reads objects by one long-lived `git cat-file --batch` per mirror.

Starting git for every file costs milliseconds, and a first scan of a thousand applications reads thousands of files. The
process is started at the first question, answers one at a time, and is replaced when it dies, hangs, or does not know an
object: the mirror may have been built anew under it.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from pathlib import Path

from gitops_agent.errors import ProcessError, SourceError
from gitops_agent.process import Process, kill_group
from gitops_agent.source import git

_ANSWER_SECONDS = 30.0
_CHUNK = 1 << 20
_LONGEST_HEADER = 200


class Reader:
    """Answers for one bare repository; safe to use from several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._closed = False

    def read(self, oid: str, *, type_: str = "blob", limit: int) -> bytes | None:
        """The content of an object; None when the reader was closed first.

        Raises:
            SourceError: it is not there, or torn (the fact `failure` is `torn`); or larger than `limit` bytes.
        """
        with self._lock:
            if self._closed:
                return None
            for _ in range(2):
                try:
                    return self._ask(oid, type_, limit)
                except (OSError, EOFError, ProcessError):
                    self._end()
        raise SourceError(
            f"object {oid} of the mirror cannot be read: the mirror is torn or was removed, and is built anew by the next poll",
            transient=True,
            failure="torn",
        )

    def close(self) -> None:
        """Ends the process and answers no more."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            kill_group(process)

    def _ask(self, oid: str, type_: str, limit: int) -> bytes:
        if self._process is None:
            self._process = git.serve(self._directory, "cat-file", "--batch")
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise EOFError
        os.write(process.stdin.fileno(), f"{oid}\n".encode())
        deadline = time.monotonic() + _ANSWER_SECONDS
        data = self._receive(process, deadline, bytearray(), until=None)
        header, _, _ = data.partition(b"\n")
        words = header.decode("ascii", "replace").split(" ")
        if len(words) != 3 or words[1] != type_:  # noqa: PLR2004 - name, type, size
            raise EOFError
        size = int(words[2])
        if size > limit:
            self._end()
            raise SourceError(f"object {oid} has {size} bytes, more than the {limit} allowed", reason="FileTooLarge")
        start = len(header) + 1
        data = self._receive(process, deadline, data, until=start + size + 1)
        return bytes(memoryview(data)[start : start + size])

    def _receive(self, process: Process, deadline: float, data: bytearray, *, until: int | None) -> bytearray:
        """Reads until there are that many bytes, or a first line."""
        if process.stdout is None:
            raise EOFError
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while (b"\n" not in data) if until is None else len(data) < until:
                if until is None and len(data) > _LONGEST_HEADER:
                    raise EOFError
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                chunk = os.read(process.stdout.fileno(), _CHUNK)
                if not chunk:
                    raise EOFError
                data += chunk
        return data
