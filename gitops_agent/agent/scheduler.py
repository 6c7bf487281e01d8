"""Scheduler: puts keys on a queue at intervals and at dates.

It is the one door to APScheduler, whose defaults drop late jobs: of eight that are due together on two threads, two run. Here
none is dropped (`misfire_grace_time=None`), missed ticks fold into one (`coalesce`), and a job only enqueues, so one thread is
enough.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from gitops_agent.observe.log import logger

_log = logger("clock")


class Scheduler:
    """Calls functions at intervals and dates, on one thread of its own."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        self._stopped = False

    def start(self) -> None:
        """Starts ticking."""
        self._scheduler.start()

    def every(self, name: str, seconds: float, call: Callable[[], None], *, jitter: float = 0.0) -> None:
        """Calls `call` every `seconds` ± `jitter` seconds; replaces a job `name`."""
        if not self._stopped:
            self._scheduler.add_job(
                call, "interval", seconds=seconds, jitter=jitter or None, id=name, name=name, replace_existing=True
            )

    def at(self, name: str, when: datetime, call: Callable[[], None]) -> None:
        """Calls `call` once at `when`; replaces the job of that name.

        Args:
            name: of the job.
            when: aware; a date that has passed is due now.
            call: what to do.
        """
        if not self._stopped:
            self._scheduler.add_job(call, "date", run_date=when, id=name, name=name, replace_existing=True)

    def cancel(self, name: str) -> None:
        """Forgets the job of that name, if there is one."""
        with suppress(JobLookupError):
            self._scheduler.remove_job(name)

    def names(self) -> frozenset[str]:
        """The names of all jobs."""
        return frozenset(job.id for job in self._scheduler.get_jobs())

    def stop(self) -> None:
        """Stops ticking; a running call ends by itself."""
        self._stopped = True
        if self._scheduler.running:
            # First, because its thread fails when it is ended while it puts a job away.
            self._scheduler.remove_all_jobs()
            self._scheduler.shutdown(wait=False)

    @staticmethod
    def _failed(event: JobExecutionEvent) -> None:
        _log.error("clock job failed", job=event.job_id, error=event.exception)
