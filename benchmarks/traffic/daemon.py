"""A program of the stage that can be killed and started again."""

from __future__ import annotations

import contextlib
import http.client
import subprocess  # noqa: TID251 - only for the type of what the subprocess door returns
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from gitops_agent.errors import AgentError
from gitops_agent.process import Process, kill_group, spawn

_GRACE_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_ASK_SECONDS = 5.0
_TAIL = 300


class Daemon:
    """Runs one program, never by itself again.

    Args:
        argv: the program and its arguments.
        log: the file for its output; appended.
        env: beside the cleaned environment.
    """

    def __init__(self, argv: tuple[str, ...], log: Path, *, env: Mapping[str, str] | None = None) -> None:
        self.argv, self.log, self._env = argv, log, dict(env or {})
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Of its process, None while it is down."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Starts it unless it runs; it ends with the calling thread.

        Raises:
            ProcessError: it cannot be started.
        """
        if self.pid is None:
            with self.log.open("ab") as log:
                self._process = spawn(self.argv, log=log, cwd=self.log.parent, env=self._env)

    def stop(self) -> None:
        """Terminates it and waits; kills it after a timeout."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kills it at once; harmless when it is down."""
        if self._process is not None:
            kill_group(self._process)

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return next((line.strip()[:_TAIL] for line in reversed(lines) if line.strip()), "it wrote nothing")


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Status and body of a GET on loopback, bypassing proxies.

    Raises:
        OSError: it gives no answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ASK_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"no answer on port {port}: {error}") from error
    finally:
        connection.close()


def eventually(what: str, check: Callable[[], bool], *, seconds: float, alive: Daemon | None = None) -> float:
    """Seconds until `check` was true.

    Raises:
        AgentError: it was not in the time given, or the program it waits for has ended.
    """
    started, pause = time.monotonic(), threading.Event()
    while not check():
        if alive is not None and alive.pid is None:
            raise AgentError(f"{Path(alive.argv[0]).name} has ended: {alive.last_words()}", reason="SandboxFailed")
        if time.monotonic() - started > seconds:
            raise AgentError(f"not seen within {seconds:g} s: {what}", reason="NotSeen")
        pause.wait(_LOOK_SECONDS)
    return time.monotonic() - started
