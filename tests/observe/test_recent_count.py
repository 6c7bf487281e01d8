from __future__ import annotations

from gitops_agent.observe.recent_count import KEPT_SECONDS, SLOT_SECONDS, RecentCount
from tests.clock import Clock


def test_events_count_until_their_time_is_over() -> None:
    clock = Clock()
    count = RecentCount(clock)
    count.add()
    count.add()
    clock.now += 50
    count.add()

    assert (count.within(60), count.within(30)) == (3, 1)
    clock.now += 50
    assert (count.within(60), count.within(3600)) == (1, 3)
    clock.now += 3600
    assert count.within(3600) == 0


def test_a_steady_stream_counts_one_hour_and_keeps_as_many_slots() -> None:
    clock = Clock()
    count = RecentCount(clock)
    for _ in range(2 * KEPT_SECONDS // SLOT_SECONDS):
        count.add()
        clock.now += SLOT_SECONDS

    assert count.within(KEPT_SECONDS) == KEPT_SECONDS // SLOT_SECONDS - 1  # the present slot has no event yet
    assert len(count._slots) == KEPT_SECONDS // SLOT_SECONDS


def test_its_age_says_how_much_of_an_hour_it_has_seen() -> None:
    clock = Clock()
    count = RecentCount(clock)
    clock.now += 90

    assert count.age() == 90
