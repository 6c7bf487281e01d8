from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from gitops_agent.agent.scheduler import Scheduler
from tests.waiting import eventually


@pytest.fixture
def clock() -> Iterator[Scheduler]:
    clock = Scheduler()
    clock.start()
    yield clock
    clock.stop()


def test_it_calls_at_intervals(clock: Scheduler) -> None:
    calls: list[int] = []
    clock.every("tick", 0.05, lambda: calls.append(1))

    eventually(lambda: len(calls) >= 3)


def moved(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    """Sets the wall clock that APScheduler reads."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(**by)

    for module in ("schedulers.base", "triggers.interval"):
        monkeypatch.setattr(f"apscheduler.{module}.datetime", Moved)


def test_a_wall_clock_that_is_set_back_stops_no_interval(clock: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    clock.every("tick", 0.05, lambda: calls.append(1))
    eventually(lambda: len(calls) >= 2)

    moved(monkeypatch, hours=-1)
    before = len(calls)

    eventually(lambda: len(calls) >= before + 5)


def test_a_date_is_noticed_after_the_wall_clock_was_set_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, called = Scheduler(wall_clock_seconds=0.05), threading.Event()
    clock.start()
    clock.at("later", datetime.now(UTC) + timedelta(hours=1), called.set)

    moved(monkeypatch, hours=2)

    assert called.wait(60)
    clock.stop()


def test_a_date_that_has_passed_is_called_at_once(clock: Scheduler) -> None:
    called = threading.Event()
    clock.at("past", datetime.now(UTC) - timedelta(hours=1), called.set)

    assert called.wait(60)


def test_jobs_that_are_due_together_are_all_called(clock: Scheduler) -> None:
    called: set[int] = set()
    when = datetime.now(UTC) + timedelta(milliseconds=100)
    for n in range(50):
        clock.at(f"job-{n}", when, lambda n=n: called.add(n))  # type: ignore[misc]

    eventually(lambda: len(called) == 50)


def test_a_failing_job_stops_no_other(clock: Scheduler) -> None:
    calls: list[int] = []

    def fail() -> None:
        raise RuntimeError("surprise")

    clock.every("bad", 0.02, fail)
    clock.every("good", 0.02, lambda: calls.append(1))

    eventually(lambda: len(calls) >= 5)


def test_the_same_name_replaces_and_cancel_forgets(clock: Scheduler) -> None:
    clock.every("tick", 60, lambda: None)
    clock.every("tick", 30, lambda: None)
    assert clock.names() == {"tick"}
    clock.cancel("tick")
    clock.cancel("tick")

    assert clock.names() == frozenset()


def test_a_job_that_is_due_at_the_very_end_is_no_surprise() -> None:
    for _ in range(10):
        clock, first = Scheduler(), threading.Event()
        clock.start()
        when = datetime.now(UTC) + timedelta(milliseconds=20)
        for n in range(300):
            clock.at(f"job-{n}", when, first.set)
        assert first.wait(60)
        clock.stop()


def test_after_the_end_nothing_is_taken_up(clock: Scheduler) -> None:
    clock.stop()

    clock.every("tick", 60, lambda: None)
    clock.at("past", datetime.now(UTC), lambda: None)

    assert clock.names() == frozenset()
