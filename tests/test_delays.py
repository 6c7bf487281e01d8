from __future__ import annotations

import time

from tests.delays import DELAYS, Delay


class Clerk:
    def exchange(self, method: str, path: str = "/") -> str:
        return f"{method} {path}"


def seconds(delay: Delay, *arguments: str) -> float:
    began = time.monotonic()
    assert delay.delayed(Clerk.exchange)(Clerk(), *arguments) == f"{arguments[0]} /"
    return time.monotonic() - began


def test_a_method_pauses_before_and_after_and_answers_the_same() -> None:
    delay = Delay(module="", method="Clerk.exchange", before=0.05, after=0.05)

    assert seconds(delay, "GET") >= 0.1


def test_where_writes_are_delayed_a_read_is_not() -> None:
    delay = Delay(module="", method="Clerk.exchange", after=5.0, writes=True)

    assert seconds(delay, "GET") < 5.0


def test_every_method_that_pauses_exists() -> None:
    for delay in DELAYS:
        cls, name = delay.target()
        assert callable(getattr(cls, name))
