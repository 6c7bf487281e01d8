from __future__ import annotations

from gitops_agent.agent.desired.poll_slots import WORKERS, PollSlots
from gitops_agent.source.repository import Repository


def _repository(host: int, number: int = 0) -> Repository:
    return Repository(url=f"https://git{host}.example.com/{number}.git")


def _proven(slots: PollSlots, *repositories: Repository) -> None:
    for repository in repositories:
        assert slots.take(repository)
        slots.release(repository)


def test_new_repositories_leave_threads_to_those_that_answer() -> None:
    slots = PollSlots()
    _proven(slots, _repository(9))

    taken = [slots.take(_repository(host)) for host in range(WORKERS)]

    assert taken.count(True) == WORKERS // 2
    assert slots.take(_repository(9))


def test_one_host_does_not_get_all_threads() -> None:
    slots = PollSlots()
    many = [_repository(1, number) for number in range(WORKERS)]
    _proven(slots, *many, _repository(2))

    assert [slots.take(repository) for repository in many].count(True) < WORKERS
    assert slots.take(_repository(2))


def test_a_slot_that_is_given_back_is_taken_by_the_next() -> None:
    slots = PollSlots()
    first = [_repository(host) for host in range(WORKERS // 2)]
    assert all(slots.take(repository) for repository in first)
    assert not slots.take(_repository(7))

    slots.release(first[0])

    assert slots.take(_repository(7))


def test_a_repository_that_is_followed_anew_has_to_prove_itself_again() -> None:
    slots = PollSlots()
    _proven(slots, _repository(1))
    slots.forget(_repository(1))
    assert all(slots.take(_repository(host)) for host in range(2, 2 + WORKERS // 2))

    assert not slots.take(_repository(1))
