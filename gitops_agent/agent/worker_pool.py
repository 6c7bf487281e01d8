"""Runs a reconciler on a queue; a failing key ends no worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from gitops_agent.agent.work_queue import Item, WorkQueue
from gitops_agent.observe.activities import ACTIVITIES
from gitops_agent.observe.log import logger

K = TypeVar("K", bound=Hashable)
_log = logger("agent")
_END_SECONDS = 10.0
"""How long `stop` waits for running keys: they end at their next safe point."""
_PATIENCE_SECONDS = 60.0


class Reconciler(Protocol[K]):
    """Handles the keys of a queue."""

    def reconcile(self, item: Item[K], /) -> None:
        """Handles one key; errors are logged and the key is retried."""


class WorkerPool(Generic[K]):
    """A fixed number of threads around one queue.

    Args:
        name: prefix of the threads' names.
        queue: of keys.
        reconciler: handles them.
        count: how many threads.
        end_seconds: how long `stop` waits for running keys; 0 leaves them to end by themselves.
        limit_seconds: a key that runs for longer hangs for certain; None where something else ends it.
    """

    def __init__(
        self,
        name: str,
        queue: WorkQueue[K],
        reconciler: Reconciler[K],
        *,
        count: int,
        end_seconds: float = _END_SECONDS,
        limit_seconds: float | None = None,
    ) -> None:
        self._queue, self._reconciler, self._end_seconds = queue, reconciler, end_seconds
        self._name, self._limit_seconds = name, limit_seconds
        self._threads = [threading.Thread(target=self._run, name=f"{name}-{i}", daemon=True) for i in range(count)]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Whether every started thread still runs."""
        return all(thread.ident is None or thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Closes the queue and waits a limited time for running keys."""
        self._queue.close()
        self.join(self._end_seconds)

    def join(self, seconds: float) -> bool:
        """Waits for the threads to end; False when one runs after `seconds`."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (item := self._queue.take()) is not None:
            try:
                with ACTIVITIES.during(self._name, str(item.key), patience=_PATIENCE_SECONDS, limit=self._limit_seconds):
                    self._reconciler.reconcile(item)
            except Exception as error:  # noqa: BLE001 - one key's error must not end the worker of the others
                delay = self._queue.retry(item.key, "retry after an unexpected error")
                _log.error("unexpected error", key=str(item.key), error=error, retry_seconds=round(delay, 2), exc_info=True)
            finally:
                self._queue.done(item.key)
