from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from gitops_agent.agent import stall_detector
from gitops_agent.agent.stall_detector import StallDetector
from gitops_agent.observe.activities import Activities
from tests.clock import Clock
from tests.waiting import eventually


def test_what_takes_long_is_logged_with_its_stack_ever_more_rarely() -> None:
    clock = Clock(0.0)
    activities = Activities(clock)
    stalls = StallDetector(activities)

    logged: dict[int, int] = {}
    with activities.during("list", "pods", patience=20):
        for second in range(0, 200, 5):
            clock.now = second
            with capture_logs() as lines:
                stalls.check()
            for line in lines:
                assert (line["event"], line["what"], line["of"]) == ("takes long", "list", "pods")
                assert any(
                    frame.endswith(" test_what_takes_long_is_logged_with_its_stack_ever_more_rarely") for frame in line["stack"]
                )
                logged[second] = line["seconds"]

    assert logged == {20: 20, 40: 40, 80: 80, 160: 160}


def test_what_ended_in_time_is_not_logged() -> None:
    clock = Clock(0.0)
    activities = Activities(clock)
    stalls = StallDetector(activities)

    for start in range(3):
        with activities.during("list", "pods", patience=20):
            clock.now = 15.0 * (start + 1)
            with capture_logs() as lines:
                stalls.check()
            assert lines == []


def test_it_checks_by_itself_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stall_detector, "_CHECK_SECONDS", 0.01)
    activities = Activities()
    stalls = StallDetector(activities)

    with capture_logs() as lines, activities.during("list", "pods", patience=0.05):
        stalls.start()
        eventually(lambda: len(lines) >= 2)
        stalls.stop()

    assert not stalls._thread.is_alive()
