from __future__ import annotations

import json

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import FOLLOWED
from tests.agent.samples import HOME, application_object
from tests.clock import Clock

ONE, TWO, THREE, AWAY = (AppKey(HOME, name) for name in ("app-1", "app-2", "app-3", "away"))


class Room:
    """Three peers, and one that follows another branch."""

    def __init__(self) -> None:
        self.clock, self.claims = Clock(), ClaimRegistry()
        self.applications = ApplicationStore(lambda *_: None, namespace=HOME)
        for key in (ONE, TWO, THREE):
            self.applications.put(application_object(key.name))
        self.applications.put(application_object(AWAY.name, branch="other"))
        self.barrier = PruneBarrier(self.applications, self.claims, clock=self.clock)
        self.barrier.looked(AWAY, "elsewhere")

    def loaded(self, commit: str = "new") -> None:
        for key in (TWO, THREE):
            self.barrier.looked(key, commit)

    def behind(self, commit: str = "new") -> tuple[str, str, bool] | None:
        absence = self.barrier.behind(ONE, commit)
        return (absence.application.name, absence.why, absence.lasting) if absence is not None else None


def test_a_deletion_waits_for_every_peer_that_may_take_over() -> None:
    room = Room()
    room.barrier.looked(TWO, "new")

    assert room.behind() == ("app-3", "has not loaded new yet", False)
    assert room.barrier.looked(THREE, "new") == {ONE}
    assert room.behind() is None


def test_a_peer_that_loaded_an_older_commit_is_behind() -> None:
    room = Room()
    room.barrier.looked(TWO, "old")
    room.barrier.looked(THREE, "new")

    assert room.behind() == ("app-2", "has not loaded new yet", False)


def test_a_peer_that_cannot_load_the_commit_is_not_waited_for() -> None:
    room = Room()
    room.loaded()
    assert room.barrier.looked(TWO, "new", failed=True) == frozenset()

    assert room.behind() == ("app-2", "cannot load new", True)
    assert room.barrier.looked(TWO, "new") == {ONE}
    assert room.behind() is None


def test_a_peer_without_any_commit_is_not_waited_for() -> None:
    room = Room()
    room.loaded()
    room.barrier.looked(TWO, "")

    assert room.behind() == ("app-2", "cannot load new", True)


def test_a_peer_that_is_waited_for_goes_before_one_that_is_not() -> None:
    room = Room()
    room.barrier.looked(TWO, "new", failed=True)

    assert room.behind() == ("app-3", "has not loaded new yet", False)


def test_no_peer_is_waited_for_forever() -> None:
    room = Room()
    room.behind()

    room.clock.now += 59
    assert room.behind() == ("app-2", "has not loaded new yet", False)
    room.clock.now += 1
    assert room.behind() == ("app-2", "has not loaded new yet", True)


def test_patience_begins_anew_with_each_commit() -> None:
    room = Room()
    room.behind()
    room.clock.now += 60

    assert room.behind("newer") == ("app-2", "has not loaded newer yet", False)


def test_a_peer_that_a_rollback_pinned_follows_the_branch_again() -> None:
    room = Room()
    room.loaded()
    pinned = application_object(TWO.name, annotations={FOLLOWED: json.dumps({"branch": "main"})})
    pinned["spec"]["source"]["ref"] = {"commit": "b" * 40}
    room.applications.put(pinned)
    room.barrier.looked(TWO, "b" * 40)

    assert room.behind() == ("app-2", f"is pinned to {'b' * 12} by a rollback", True)


def test_an_application_that_a_peer_declares_is_waited_for_until_it_exists_and_loads() -> None:
    room = Room()
    room.loaded()
    room.claims.claim(TWO, [APPLICATION.named(HOME, "born"), APPLICATION.named("another-agent", "app")])
    assert room.behind() == ("born", "has not loaded any commit yet", False)

    room.applications.put(application_object("born"))
    assert room.behind() == ("born", "has not loaded new yet", False)

    assert room.barrier.looked(AppKey(HOME, "born"), "new") == {ONE}
    assert room.behind() is None


def test_after_a_start_every_application_is_waited_for() -> None:
    room = Room()
    room.loaded()
    room.barrier.forget(AWAY)
    assert room.behind() == ("away", "has not loaded any commit yet", False)

    assert room.barrier.looked(AWAY, "elsewhere", failed=True) == {ONE}
    assert room.behind() is None


def test_an_application_that_is_being_deleted_is_not_waited_for() -> None:
    room = Room()
    room.loaded()
    room.barrier.forget(AWAY)
    leaving = application_object(AWAY.name, branch="other")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    room.applications.put(leaving)

    assert room.behind() is None


def test_an_application_that_waits_is_returned_when_its_peer_is_gone() -> None:
    room = Room()
    room.behind()

    assert room.barrier.forget(TWO) == {ONE}
    assert room.barrier.looked(TWO, "new") == frozenset()


def test_loading_twice_wakes_no_application_twice() -> None:
    room = Room()
    room.behind()

    assert room.barrier.looked(TWO, "new") == {ONE}
    assert room.barrier.looked(TWO, "new") == frozenset()
