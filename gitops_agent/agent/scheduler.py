"""Schedules calls at intervals and dates, and computes cron occurrences.

Problem: APScheduler compares dates of the wall clock, so a clock that is set back by an hour stops every interval for an hour.
Decision: intervals are counted on the monotonic clock of a work queue, and only dates are APScheduler's; it reads the wall
clock again twice a minute, so that a date is noticed in time after the clock was set forward.

APScheduler's defaults drop what is late: eight jobs due together on two threads run two. Here nothing is ever dropped
(`misfire_grace_time=None`), missed ticks fold into one, and a job only enqueues, so one thread for each of the two is enough.

APScheduler's cron triggers count weekdays from Monday, want a day of the month and a weekday to match both, and have their own
idea of hours that a clock skips or repeats. So they get lists of names and numbers, one trigger for each way to match, and
local time without a zone; what that means in a time zone is decided in `sync.windows`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.api.cron import CronSchedule
from gitops_agent.backoff import spread
from gitops_agent.observe.log import logger

_WALL_CLOCK = ""
"""The name of the interval at which the wall clock is read."""

_log = logger("clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    seconds: float
    jitter: float
    call: Callable[[], None]

    def pause(self) -> float:
        """Seconds until the next tick."""
        return max(0.0, self.seconds + spread(-self.jitter, self.jitter))


class Scheduler:
    """Calls functions at intervals and dates, on two threads of its own.

    Args:
        wall_clock_seconds: seconds between two readings of the wall clock for dates.
    """

    def __init__(self, *, wall_clock_seconds: float = 30.0) -> None:
        self._wall_clock_seconds = wall_clock_seconds
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        self._stopped = False
        self._lock = threading.Lock()
        self._intervals: dict[str, _Interval] = {}
        self._due: WorkQueue[str] = WorkQueue()
        self._thread = threading.Thread(target=self._tick, name="ticks", daemon=True)

    def start(self) -> None:
        """Starts ticking."""
        self._scheduler.start()
        self.every(_WALL_CLOCK, self._wall_clock_seconds, self._scheduler.wakeup)
        self._thread.start()

    def every(self, name: str, seconds: float, call: Callable[[], None], *, jitter: float = 0.0) -> None:
        """Calls `call` every `seconds` ± `jitter` seconds; replaces a job `name`."""
        interval = _Interval(seconds=seconds, jitter=jitter, call=call)
        with self._lock:
            if self._stopped:
                return
            self._intervals[name] = interval
            self._due.forget(name)
            self._due.add(name, "interval", delay=interval.pause())

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
        with self._lock:
            self._intervals.pop(name, None)
            self._due.forget(name)
        with suppress(JobLookupError):
            self._scheduler.remove_job(name)

    def names(self) -> frozenset[str]:
        """The names of all jobs."""
        with self._lock:
            intervals = self._intervals.keys() - {_WALL_CLOCK}
        return frozenset(job.id for job in self._scheduler.get_jobs()) | intervals

    def stop(self) -> None:
        """Stops ticking; a running call ends by itself."""
        with self._lock:
            self._stopped = True
            self._intervals.clear()
        self._due.close()
        if self._scheduler.running:
            # First, because its thread fails when it is ended while it puts a job away.
            self._scheduler.remove_all_jobs()
            self._scheduler.shutdown(wait=False)

    def _tick(self) -> None:
        while (item := self._due.take()) is not None:
            name = item.key
            with self._lock:
                interval = self._intervals.get(name)
            if interval is not None:
                try:
                    interval.call()
                except Exception as error:  # noqa: BLE001 - one job's surprise must not end the ticks of the others
                    _log.error("clock job failed", job=name, error=error)
                with self._lock:
                    if self._intervals.get(name) is interval:
                        self._due.add(name, "interval", delay=interval.pause())
            self._due.done(name)

    @staticmethod
    def _failed(event: JobExecutionEvent) -> None:
        _log.error("clock job failed", job=event.job_id, error=event.exception)


_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_A_MOMENT = timedelta(microseconds=1)


class CronOccurrences:
    """The local times at which a cron schedule occurs.

    Args:
        schedule: the schedule.
    """

    def __init__(self, schedule: CronSchedule) -> None:
        days, weekdays = _numbers(schedule.days, 31), ",".join(_WEEKDAYS[day] for day in sorted(schedule.weekdays))
        weekdays = "*" if len(schedule.weekdays) == len(_WEEKDAYS) else weekdays
        ways = ((days, "*"), ("*", weekdays)) if schedule.either else ((days, weekdays),)
        self._triggers = tuple(
            CronTrigger(
                minute=_numbers(schedule.minutes, 60),
                hour=_numbers(schedule.hours, 24),
                day=day,
                month=_numbers(schedule.months, 12),
                day_of_week=weekday,
                timezone=UTC,
            )
            for day, weekday in ways
        )

    def after(self, local: datetime) -> datetime | None:
        """The first occurrence after a naive local time; None without one."""
        since = local.replace(tzinfo=UTC) + _A_MOMENT
        occurrences = (trigger.get_next_fire_time(None, since) for trigger in self._triggers)
        return min((each.replace(tzinfo=None) for each in occurrences if each is not None), default=None)


@lru_cache(maxsize=512)
def cron_occurrences(schedule: CronSchedule) -> CronOccurrences:
    """The occurrences of a schedule; those used last are kept."""
    return CronOccurrences(schedule)


def _numbers(numbers: Collection[int], count: int) -> str:
    return "*" if len(numbers) == count else ",".join(map(str, sorted(numbers)))
