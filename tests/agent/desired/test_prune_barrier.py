from __future__ import annotations

from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.manifest.key import AppKey
from tests.agent.samples import application_object

ONE, TWO, THREE = (AppKey("gitops-system", name) for name in ("app-1", "app-2", "app-3"))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _handover(clock: Clock | None = None) -> PruneBarrier:
    applications = ApplicationStore(lambda *_: None)
    for key in (ONE, TWO, THREE):
        applications.put(application_object(key.name))
    return PruneBarrier(applications, clock=clock or Clock())


def test_a_deletion_waits_for_everybody_who_may_take_over() -> None:
    handover = _handover()
    handover.looked(TWO, "new")

    assert handover.behind(ONE, "new") == THREE
    assert handover.looked(THREE, "new") == {ONE}
    assert handover.behind(ONE, "new") is None


def test_a_peer_that_loaded_an_older_commit_is_behind() -> None:
    handover = _handover()
    handover.looked(TWO, "old")
    handover.looked(THREE, "new")

    assert handover.behind(ONE, "new") == TWO


def test_who_cannot_look_is_not_waited_for() -> None:
    handover = _handover()
    handover.looked(TWO, "")
    handover.looked(THREE, "")

    assert handover.behind(ONE, "new") is None


def test_no_peer_is_waited_for_forever() -> None:
    clock = Clock()
    handover = _handover(clock)
    assert handover.behind(ONE, "new") == TWO

    clock.now = 59.0
    assert handover.behind(ONE, "new") == TWO
    clock.now = 60.0
    assert handover.behind(ONE, "new") is None


def test_patience_begins_anew_with_each_commit() -> None:
    clock = Clock()
    handover = _handover(clock)
    handover.behind(ONE, "new")
    clock.now = 60.0

    assert handover.behind(ONE, "newer") == TWO


def test_an_application_that_waits_is_returned_when_its_peer_is_gone() -> None:
    handover = _handover()
    handover.behind(ONE, "new")

    assert handover.forget(TWO) == {ONE}
    assert handover.looked(TWO, "new") == frozenset()


def test_loading_twice_wakes_no_application_twice() -> None:
    handover = _handover()
    handover.behind(ONE, "new")

    assert handover.looked(TWO, "new") == {ONE}
    assert handover.looked(TWO, "new") == frozenset()
