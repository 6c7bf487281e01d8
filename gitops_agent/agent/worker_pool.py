"""Named threads that take keys from a queue and handle them; one failing key never ends a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from gitops_agent.agent.work_queue import Item, WorkQueue
from gitops_agent.observe.log import logger

K = TypeVar("K", bound=Hashable)
_log = logger("agent")


class WorkerPool(Generic[K]):
    """A fixed number of threads around one queue.

    Args:
        name: prefix of the threads' names.
        queue: where the keys come from.
        handle: does the work; whatever it raises is logged and retried with backoff.
        count: how many threads.
    """

    def __init__(self, name: str, queue: WorkQueue[K], handle: Callable[[Item[K]], None], *, count: int) -> None:
        self._queue, self._handle = queue, handle
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{i}", daemon=True) for i in range(count)]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Whether every started thread still runs."""
        return all(thread.ident is None or thread.is_alive() for thread in self._threads)

    def join(self, seconds: float) -> bool:
        """Waits for the threads after the queue was closed; False when one is still running after `seconds`."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (item := self._queue.take()) is not None:
            try:
                self._handle(item)
            except Exception as error:  # noqa: BLE001 - one key's surprise must not end the worker of the others
                delay = self._queue.retry(item.key, "retry after an unexpected error")
                _log.error("unexpected error", key=str(item.key), error=error, retry_seconds=round(delay, 2), exc_info=True)
            finally:
                self._queue.done(item.key)
