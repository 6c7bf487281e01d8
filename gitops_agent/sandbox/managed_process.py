"""One component as its supervisor sees it: started, ended, and why."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # noqa: TID251 - the type of what the door hands out
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.process import kill_group, spawn
from gitops_agent.sandbox.state import ComponentState

_TAIL_BYTES = 8192
_WORDS_LIMIT = 300


class ManagedProcess:
    """A program with fixed arguments, restarted only on request.

    Args:
        name: of the component.
        version: of the program.
        argv: the program and its arguments.
        log: where its output goes; appended. The program runs in its folder.
        ports: it listens on.
        env: beside the cleaned environment.
    """

    def __init__(
        self,
        name: str,
        version: str,
        argv: tuple[str, ...],
        log: Path,
        ports: tuple[int, ...],
        *,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._version = version
        self._argv = argv
        self._log = log
        self._ports = ports
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._ended_at: str | None = None
        self._words = ""

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last process, negative for a signal."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Starts it unless it runs; from the supervisor's main thread only.

        The death of that thread is to end it.

        Raises:
            ProcessError: the program cannot be started.
        """
        if self.alive:
            return
        with self._log.open("ab") as log:
            self._process = spawn(self._argv, log=log, cwd=self._log.parent, env=self._env)
        self._starts += 1
        self._ended_at = None
        self._words = ""

    def reap(self) -> bool:
        """Whether it has exited by itself since the last call."""
        if self._process is None or self._process.poll() is None or self._ended_at is not None:
            return False
        self._ended_at = _now()
        self._words = self.last_words()
        return True

    def kill(self) -> None:
        """Sends the signal that cannot be refused, and does not wait."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self, *, grace_seconds: float) -> None:
        """Stops it and waits; gracefully first when given time."""
        if self._process is None:
            return
        if grace_seconds > 0 and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        kill_group(self._process)
        self._ended_at = self._ended_at or _now()

    def tail(self) -> str:
        """The end of its log."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def last_words(self) -> str:
        """The last line of its log, cut."""
        lines = [line for line in self.tail().splitlines() if line.strip()]
        return lines[-1].strip()[:_WORDS_LIMIT] if lines else "it wrote nothing"

    def state(self) -> ComponentState:
        """What to write down about it."""
        return ComponentState(
            name=self.name,
            version=self._version,
            pid=self._process.pid if self._process is not None else None,
            alive=self.alive,
            ports=self._ports,
            exit_code=self.exit_code,
            ended_at=self._ended_at,
            last_words=self._words,
            starts=self._starts,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
