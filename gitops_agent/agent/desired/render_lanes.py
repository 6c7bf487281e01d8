"""Threads for renders, of which slow renders never take all.

Problem: with two threads, two charts that hang until their time limit stop every other application for that long, at every
commit. Decision: an application whose render takes longer than a few seconds is slow until a render of it is quick again. Slow
renders run on half of the threads at most. One that turns out to be slow while that half is taken is ended and waits for its
turn; what was not slow yet goes first. What was quick the last time waits for one render that is not known at most: eight new
charts that hang cost it seconds, not as long as all of them take to be found slow.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from gitops_agent.manifest.key import AppKey
from gitops_agent.render.request import RenderRequest
from gitops_agent.revision.tree import Tree

QUICK_SECONDS = 5.0


@dataclass(slots=True, eq=False, kw_only=True)
class RenderTask:
    """A render that waits or runs.

    Attributes:
        application: whose.
        slot: which of its renders.
        tree: the files.
        request: what to render of them.
        key: the content key of the request.
        cancel: ends it early.
        preempted: whether it was ended to wait for its turn.
    """

    application: AppKey
    slot: str
    tree: Tree
    request: RenderRequest
    key: str
    cancel: threading.Event = field(default_factory=threading.Event)
    preempted: bool = False


class Performer(Protocol):
    """Renders."""

    def perform(self, task: RenderTask, /) -> None:
        """Performs one task to its end."""


class RenderLanes:
    """Runs tasks on threads; thread-safe.

    Args:
        performer: does the work.
        concurrency: how many threads; with one thread, slow renders have it too.
        quick_seconds: how long a render may take until its application is slow.
    """

    def __init__(self, performer: Performer, *, concurrency: int, quick_seconds: float = QUICK_SECONDS) -> None:
        self._performer, self._quick_seconds = performer, quick_seconds
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="render")
        self._most_slow = max(1, concurrency // 2)
        self._lock = threading.Lock()
        self._waiting: deque[RenderTask] = deque()
        self._running: set[RenderTask] = set()
        self._slow_running: set[RenderTask] = set()
        self._slow: set[AppKey] = set()
        self._quick: set[AppKey] = set()
        self._quick_next = True
        self._stopped = False

    def add(self, task: RenderTask) -> None:
        """Puts a task behind those that wait."""
        with self._lock:
            self._waiting.append(task)
            self._wake_thread()

    def forget(self, application: AppKey) -> None:
        """Forgets that an application is slow."""
        with self._lock:
            self._slow.discard(application)
            self._quick.discard(application)

    def stop(self) -> None:
        """Drops waiting tasks and joins running ones, which are cancelled before."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _wake_thread(self) -> None:
        if not self._stopped:
            self._pool.submit(self._serve)

    def _serve(self) -> None:
        """Performs the first task that may run now, if there is one."""
        with self._lock:
            task = self._next()
            if task is None:  # only slow ones wait; the end of one that runs calls again
                return
            self._waiting.remove(task)
            self._running.add(task)
            if task.application in self._slow:
                self._slow_running.add(task)
        timer = threading.Timer(self._quick_seconds, self._overdue, (task,))
        timer.daemon = True
        started = time.monotonic()
        try:
            with suppress(RuntimeError):  # no thread is left for the timer: the render counts as quick
                timer.start()
            self._performer.perform(task)
        finally:
            timer.cancel()
            with self._lock:
                self._running.discard(task)
                self._slow_running.discard(task)
                if time.monotonic() - started < self._quick_seconds and not task.cancel.is_set():
                    self._slow.discard(task.application)
                    self._quick.add(task.application)
                if self._waiting:
                    self._wake_thread()

    def _next(self) -> RenderTask | None:
        """The task whose turn it is: quick ones between unknown ones."""
        able = [task for task in self._waiting if self._may_run(task)]
        quick = next((task for task in able if task.application in self._quick), None) if self._quick_next else None
        task = quick or next(iter(able), None)
        if task is not None:
            self._quick_next = task.application not in self._quick
        return task

    def _may_run(self, task: RenderTask) -> bool:
        return task.application not in self._slow or len(self._slow_running) < self._most_slow

    def _overdue(self, task: RenderTask) -> None:
        """Counts a running task as slow.

        It is ended when enough slow ones run.
        """
        with self._lock:
            if task not in self._running or task in self._slow_running:
                return
            self._slow.add(task.application)
            self._quick.discard(task.application)
            if len(self._slow_running) < self._most_slow:
                self._slow_running.add(task)
                return
            task.preempted = True
        task.cancel.set()
