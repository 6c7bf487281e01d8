from __future__ import annotations

from gitops_agent.sync.apply.concurrency import AdaptiveLimit
from tests.clock import Clock


def test_a_plea_for_patience_halves_the_window() -> None:
    window = AdaptiveLimit(16, clock=Clock())
    window.throttled()
    assert window.size == 8


def test_pleas_of_the_same_moment_count_once() -> None:
    clock = Clock()
    window = AdaptiveLimit(16, clock=clock)
    for _ in range(5):
        window.throttled()
    assert window.size == 8
    clock.now += 2
    window.throttled()
    assert window.size == 4


def test_the_window_never_closes() -> None:
    clock = Clock()
    window = AdaptiveLimit(4, clock=clock)
    for _ in range(10):
        clock.now += 5
        window.throttled()
    assert window.size == 1


def test_good_answers_open_it_again_one_call_a_round() -> None:
    window = AdaptiveLimit(16, clock=Clock())
    window.throttled()
    for _ in range(9):
        window.answered()
    assert window.size == 9
    for _ in range(1000):
        window.answered()
    assert window.size == 16
