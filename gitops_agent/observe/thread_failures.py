"""Records threads that ended by an exception, for liveness.

Problem: the work of a thread that dies (a watch, a scheduler, an outbox) stops while every other thread runs on, unnoticed.
Decision: one `threading.excepthook` for the process logs the exception and remembers the first such thread; liveness
turns false for it, so that the supervisor restarts the process.
"""

from __future__ import annotations

import threading

from gitops_agent.observe.log import logger

_log = logger("agent")


class ThreadFailures:
    """Remembers that a thread ended by an exception."""

    def __init__(self) -> None:
        self._first = ""

    @property
    def first(self) -> str:
        """The name of the first thread that failed, empty without one."""
        return self._first

    def install(self) -> None:
        """Observes every thread of the process from now on."""
        threading.excepthook = self.failed

    def failed(self, failure: threading.ExceptHookArgs) -> None:
        """Takes the exception that ended a thread."""
        if failure.exc_value is None or isinstance(failure.exc_value, SystemExit):
            return
        name = failure.thread.name if failure.thread is not None else "unknown"
        self._first = self._first or name
        exception = (failure.exc_type, failure.exc_value, failure.exc_traceback)
        _log.error("unexpected error", thread=name, error=failure.exc_value, exc_info=exception)
