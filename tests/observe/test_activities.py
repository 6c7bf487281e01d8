from __future__ import annotations

import threading

import pytest

from gitops_agent.observe.activities import Activities
from tests.clock import Clock
from tests.waiting import eventually


def test_what_runs_is_known_until_it_ends_however_it_ends() -> None:
    activities = Activities()

    def fail() -> None:
        [activity] = activities.running()
        assert (activity.what, activity.of, activity.thread) == ("list", "pods", threading.get_ident())
        raise ValueError("surprise")

    with pytest.raises(ValueError, match="surprise"), activities.during("list", "pods", patience=20):
        fail()

    assert activities.running() == ()


def test_the_stack_is_that_of_the_thread_which_hangs() -> None:
    activities = Activities()
    release = threading.Event()

    def hangs() -> None:
        with activities.during("worker", "shop/web", patience=60):
            release.wait(60)

    thread = threading.Thread(target=hangs)
    thread.start()
    eventually(lambda: len(activities.running()) == 1)
    [activity] = activities.running()

    eventually(lambda: any(line.endswith(" wait") for line in activity.stack()))
    assert any(line.startswith("test_activities.py:") and line.endswith(" hangs") for line in activity.stack())
    release.set()
    thread.join()
    assert activity.stack() == []


def test_only_what_nothing_else_ends_hangs_for_certain() -> None:
    clock = Clock(0.0)
    activities = Activities(clock)

    with activities.during("list", "pods", patience=20), activities.during("worker", "shop/web", patience=60, limit=1800):
        clock.now = 1800
        assert activities.hung() == ""
        clock.now = 1801
        assert activities.hung() == "worker shop/web has been running for 1801 s"
    assert activities.hung() == ""
