"""Reports progress: a live line on a terminal, else plain lines.

Building a tool takes minutes and prints nothing, so a step says what it does when it begins, at intervals while it lasts, and
how long it took when it ends. Everything goes to the error stream; standard output is for data.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

_INTERVAL_SECONDS = 20.0
_MINUTE = 60

Detail = Callable[[str], None]
"""Changes what is shown behind a step, e.g. `12 of 80 MiB`."""


class Progress(Protocol):
    """Where progress goes."""

    def say(self, text: str) -> None:
        """One finished line."""
        ...

    def step(self, text: str) -> AbstractContextManager[Detail]:
        """Something that takes time; leaving the context ends it."""
        ...


class Silent:
    """Progress that is discarded."""

    def say(self, text: str) -> None:
        """Nothing."""

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[Detail]:  # noqa: ARG002 - as in the protocol
        """Nothing."""
        yield lambda _: None


class Lines:
    """Plain lines.

    Args:
        write: takes a line without its end.
        interval_seconds: how often a step that lasts says so.
    """

    def __init__(self, write: Callable[[str], None], *, interval_seconds: float = _INTERVAL_SECONDS) -> None:
        self._write = write
        self._interval = interval_seconds

    def say(self, text: str) -> None:
        """One line."""
        self._write(text)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[Detail]:
        """A line now, one at every interval, one at the end."""
        begun = time.monotonic()
        detail = ""
        over = threading.Event()

        def remind() -> None:
            while not over.wait(self._interval):
                self._write(f"{text} … {duration(time.monotonic() - begun)}{detail}")

        def change(words: str) -> None:
            nonlocal detail
            detail = f", {words}"

        self._write(f"{text} …")
        reminder = threading.Thread(target=remind, name="progress", daemon=True)
        reminder.start()
        try:
            yield change
        except BaseException:
            self._write(f"{text}: failed after {duration(time.monotonic() - begun)}")
            raise
        else:
            self._write(f"{text}: {duration(time.monotonic() - begun)}")
        finally:
            over.set()
            reminder.join()


class Live:
    """A spinner with the elapsed time on a terminal, through rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, markup=False)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[Detail]:
        """A spinner that becomes a line."""
        from rich.markup import escape
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        begun = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TextColumn("{task.fields[detail]}"))
        with Bar(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(escape(text), total=None, detail="")
            yield lambda words: bar.update(task, detail=escape(words))
        self.say(f"{text}: {duration(time.monotonic() - begun)}")


def to_stderr() -> Progress:
    """Live on a terminal, plain lines in a file or pipe."""
    return Live() if sys.stderr.isatty() else Lines(_write_stderr)


def _write_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:  # noqa: PLR2004 - one digit of seconds deserves a fraction
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // _MINUTE} min {int(seconds) % _MINUTE:02d} s"
