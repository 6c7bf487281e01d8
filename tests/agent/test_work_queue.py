from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.agent.work_queue import Priority, WorkQueue
from tests.agent.samples import Longest
from tests.clock import Clock


def make(**options: float) -> tuple[WorkQueue[str], Clock]:
    clock = Clock()
    return WorkQueue(clock=clock, jitter=Longest(), **options), clock


def test_an_entry_of_the_far_future_is_waited_for_like_any_other() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("shop", "a pause ended", delay=8000 * 365 * 86_400.0)
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()

    queue.add("desk", "now")
    thread.join(60)

    assert [getattr(item, "key", None) for item in taken] == ["desk"]


def test_many_requests_for_one_key_become_one_turn_with_all_reasons() -> None:
    queue, _ = make()
    for reason in ("commit", "drift", "commit"):
        queue.add("shop", reason)

    item = queue.take(0)

    assert item is not None
    assert item.reasons == ("commit", "drift")
    assert queue.take(0) is None


def test_a_key_is_never_handed_out_twice_at_once() -> None:
    queue, _ = make()
    queue.add("shop", "first")
    queue.take(0)
    queue.add("shop", "second")

    assert queue.take(0) is None
    queue.done("shop")
    again = queue.take(0)

    assert again is not None
    assert again.reasons == ("second",)


def test_the_urgent_go_first() -> None:
    queue, _ = make()
    queue.add("slow", "resync", priority=Priority.RESYNC)
    queue.add("fast", "person", priority=Priority.USER)

    first = queue.take(0)

    assert first is not None
    assert first.key == "fast"


def test_a_resync_is_not_starved_by_a_stream_of_urgent_keys() -> None:
    queue, clock = make()
    queue.add("old", "resync", priority=Priority.RESYNC)
    taken = []
    for n in range(40):
        clock.now += 0.1
        queue.add(f"urgent-{n}", "person", priority=Priority.USER)
        item = queue.take(0)
        assert item is not None
        taken.append(item.key)
        queue.done(item.key)

    assert "old" in taken


def test_a_delayed_key_waits_for_its_time() -> None:
    queue, clock = make()
    queue.add("shop", "later", delay=10)

    assert queue.take(0) is None
    clock.now += 10

    assert queue.take(0) is not None


def test_an_earlier_request_brings_a_delayed_key_forward() -> None:
    queue, _ = make()
    queue.add("shop", "later", delay=10)
    queue.add("shop", "now", priority=Priority.USER)

    item = queue.take(0)

    assert item is not None
    assert item.reasons == ("later", "now")
    assert item.priority is Priority.USER


def test_a_later_request_does_not_defer_an_earlier_one() -> None:
    queue, clock = make()
    queue.add("shop", "soon", delay=1)
    queue.add("shop", "later", delay=100)
    clock.now += 1

    assert queue.take(0) is not None


def test_backoff_doubles_up_to_the_cap_and_success_ends_it() -> None:
    queue, _ = make(base=1, cap=8)

    delays = [queue.retry("shop", "failed") for _ in range(5)]
    queue.succeeded("shop")

    assert delays == [1, 2, 4, 8, 8]
    assert queue.retry("shop", "failed") == 1


def test_backoff_honours_what_the_server_asked_for() -> None:
    queue, _ = make(base=1, cap=8)

    assert queue.retry("shop", "failed", after=60) == 60


def test_closing_ends_a_blocked_take() -> None:
    queue: WorkQueue[str] = WorkQueue()
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(queue.take()))
    thread.start()
    queue.close()
    thread.join(60)

    assert results == [None]


def test_what_was_added_wakes_a_blocked_take() -> None:
    queue: WorkQueue[str] = WorkQueue()
    results: list[str] = []

    def take() -> None:
        item = queue.take(60)
        results.append(item.key if item else "")

    thread = threading.Thread(target=take)
    thread.start()
    queue.add("shop", "now")
    thread.join(60)

    assert results == ["shop"]


def test_a_forgotten_key_has_no_turn() -> None:
    queue, _ = make()
    queue.add("shop", "now")
    queue.forget("shop")

    assert queue.take(0) is None


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "take", "done", "tick"]),
        st.sampled_from("abcd"),
        st.sampled_from(list(Priority)),
        st.floats(0, 5),
    ),
    max_size=60,
)


@given(steps)
def test_nothing_added_is_ever_lost_and_no_key_runs_twice(script: list[tuple[str, str, Priority, float]]) -> None:
    queue, clock = make()
    owed: set[str] = set()
    running: set[str] = set()
    for what, key, priority, number in script:
        if what == "add":
            queue.add(key, "test", priority=priority, delay=number)
            owed.add(key)
        elif what == "tick":
            clock.now += number
        elif what == "done" and key in running:
            queue.done(key)
            running.discard(key)
        elif what == "take" and (item := queue.take(0)) is not None:
            assert item.key not in running
            running.add(item.key)
            owed.discard(item.key)
    for key in running:
        queue.done(key)
    clock.now += 100
    while (item := queue.take(0)) is not None:
        owed.discard(item.key)
        queue.done(item.key)

    assert not owed


def test_the_oldest_ready_key_is_known_by_how_long_it_has_waited() -> None:
    queue, clock = make()
    assert queue.oldest() == 0.0
    queue.add("shop", "commit")
    clock.now += 3
    queue.add("desk", "commit")
    queue.add("late", "commit", delay=60.0)
    clock.now += 2

    assert queue.oldest() == 5.0
    queue.take(0)
    assert queue.oldest() == 2.0
