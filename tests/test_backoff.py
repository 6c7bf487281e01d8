from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.backoff import Backoff, spread

GROWING = Backoff(first_seconds=1, longest_seconds=8)


def test_the_bound_doubles_up_to_the_longest() -> None:
    assert [GROWING.pause(failures, chance=lambda: 1.0) for failures in (1, 2, 3, 4, 5, 1000)] == [1, 2, 4, 8, 8, 8]


def test_no_pause_is_shorter_than_its_floor() -> None:
    assert GROWING.pause(3, chance=lambda: 0.0) == 2
    assert Backoff(first_seconds=1, longest_seconds=8, floor=0.0).pause(3, chance=lambda: 0.0) == 0


def test_a_pause_that_the_server_requires_is_kept() -> None:
    assert GROWING.pause(1, at_least=60) == 60


def test_numbers_drawn_in_the_background_leave_the_seeded_generator_alone() -> None:
    before = random.getstate()

    GROWING.pause(1)
    spread(1, 2)

    assert random.getstate() == before


@given(st.integers(1, 100), st.floats(0, 1), st.floats(0, 1))
def test_every_pause_lies_between_floor_and_bound(failures: int, floor: float, chance: float) -> None:
    backoff = Backoff(first_seconds=0.5, longest_seconds=300, floor=floor)
    bound = backoff.pause(failures, chance=lambda: 1.0)

    assert bound * floor * 0.999 <= backoff.pause(failures, chance=lambda: chance) <= bound * 1.001
