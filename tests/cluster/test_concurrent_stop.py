from __future__ import annotations

import threading

import pytest

from gitops_agent.cluster.concurrent_stop import stop_concurrently
from tests.waiting import LIMIT_SECONDS


class Service:
    """Ends when as many others end at the same time, or fails."""

    def __init__(self, others: threading.Barrier, error: Exception | None = None) -> None:
        self.others, self.error, self.ended = others, error, False

    def stop(self) -> None:
        self.others.wait(LIMIT_SECONDS)
        self.ended = True
        if self.error is not None:
            raise self.error


def test_all_of_them_end_at_the_same_time() -> None:
    barrier = threading.Barrier(3)
    services = [Service(barrier) for _ in range(3)]

    stop_concurrently(services)

    assert all(service.ended for service in services)


def test_nothing_is_no_work() -> None:
    stop_concurrently([])


def test_the_error_of_one_keeps_no_other_from_its_end() -> None:
    barrier = threading.Barrier(2)
    services = [Service(barrier, RuntimeError("surprise")), Service(barrier)]

    with pytest.raises(RuntimeError, match="surprise"):
        stop_concurrently(services)

    assert all(service.ended for service in services)
