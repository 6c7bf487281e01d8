from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.desired.commit_board import ApplicationCommits
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.desired.unaffected_applications import Reach, UnaffectedApplications
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.commit_status_parts import Standing
from gitops_agent.render.renderer import KubeFacts, Renderer, RenderRequest
from gitops_agent.source.sources import Move, Ref, Sources
from tests.agent.samples import EventLog, application, application_object, config_map, key
from tests.source.author import Author
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SHOP, DESK, BANK = key("shop"), key("desk"), key("bank")
MAIN = Ref(kind="branch", value="main")
FILES = {"shop/one.yaml": config_map("one"), "desk/two.yaml": config_map("two")}
LIVE = {"conditions": [{"type": "Ready", "status": "True", "reason": "Synced", "message": ""}]}


class Room:
    """Two applications of one repository, rendered and at rest."""

    def __init__(self, folder: Path, author: Author, sources: Sources) -> None:
        self.author, self.sources = author, sources
        self.woken: list[tuple[AppKey, Priority]] = []
        self.applications = ApplicationStore(lambda _key, _reason, _priority: None)
        self.renders = RenderPool(Renderer(scratch=folder), lambda _key, _reason, _priority: None, concurrency=1)
        self.barrier = PruneBarrier(self.applications, ClaimRegistry())
        self.board = ApplicationCommits(self.applications, sources, self.renders)
        self.unaffected = UnaffectedApplications(
            self.applications, sources, self.renders, self.barrier, self.board, wake=self.wake
        )
        self.put(SHOP)
        self.put(DESK)
        self.first = self.commit(FILES).new
        for each in (SHOP, DESK):
            self.render(each)
            self.barrier.looked(each, self.first)
            self.board.note(each, self.first, LIVE)
            self.rest(each)

    def wake(self, application: AppKey, _: str, priority: Priority) -> None:
        self.woken.append((application, priority))

    def put(self, application: AppKey, *, generation: int = 1) -> None:
        obj = application_object(application.name, url=self.author.repository.url, path=application.name)
        obj["metadata"]["generation"] = generation
        self.applications.put(obj)

    def commit(self, files: dict[str, str], *, orphan: bool = False) -> Move:
        self.author.commit(files, orphan=orphan)
        (move,) = self.sources.poll(self.author.repository, frozenset({MAIN})).moved
        return move

    def render(self, application: AppKey) -> None:
        tree = self.sources.tree(self.author.repository, self.first)
        request = RenderRequest(application=application, path=application.name, options=None, namespace="x", facts=KubeFacts())
        eventually(partial(self.renders.rendered, application, tree, request))

    def rest(self, application: AppKey) -> None:
        present = self.applications.get(application)
        assert present is not None
        self.unaffected.rest(present, self.first)

    def passed(self, move: Move) -> frozenset[AppKey]:
        return self.unaffected.pass_over(self.author.repository, move, [SHOP, DESK]).passed


@pytest.fixture
def room(tmp_path: Path, author: Author, sources: Sources) -> Iterator[Room]:
    room = Room(tmp_path / "scratch", author, sources)
    yield room
    room.renders.stop()


def test_a_commit_passes_over_those_whose_files_it_leaves_alone(room: Room) -> None:
    move = room.commit({**FILES, "desk/two.yaml": config_map("other")})

    reach = room.unaffected.pass_over(room.author.repository, move, [SHOP, DESK])

    assert reach == Reach(same=frozenset({SHOP}), passed=frozenset({SHOP}))
    assert room.renders.newest(SHOP)[0] == move.new
    assert room.renders.newest(DESK)[0] == room.first


def test_one_that_is_passed_over_is_current_through_every_such_commit(room: Room) -> None:
    room.passed(room.commit({**FILES, "readme.md": "one"}))
    move = room.commit({**FILES, "readme.md": "two"})

    assert room.passed(move) == {SHOP, DESK}
    assert room.unaffected.current(SHOP, room.first) == move.new
    assert room.unaffected.current(SHOP, "another") == "another"


def test_one_that_is_passed_over_has_looked_at_the_commit_for_those_who_delete(room: Room) -> None:
    room.unaffected.rouse(DESK)
    move = room.commit({**FILES, "readme.md": "one"})
    waits_for = room.barrier.behind(DESK, move.new)

    room.passed(move)

    assert waits_for is not None
    assert waits_for.application == SHOP
    assert room.woken == [(DESK, Priority.COMMIT)]
    assert room.barrier.behind(DESK, move.new) is None


def test_one_that_is_passed_over_stands_with_the_commit_as_before(room: Room) -> None:
    move = room.commit({**FILES, "readme.md": "one"})

    room.passed(move)

    before = room.board.sight(SHOP)
    assert before is not None
    assert (before.commit, before.standing) == (move.new, Standing.LIVE)


def test_one_with_something_to_do_is_not_passed_over(room: Room) -> None:
    room.unaffected.rouse(SHOP)

    assert room.passed(room.commit({**FILES, "readme.md": "one"})) == {DESK}
    assert room.unaffected.current(SHOP, room.first) == room.first


def test_one_whose_spec_has_changed_is_not_passed_over(room: Room) -> None:
    room.put(SHOP, generation=2)

    assert room.passed(room.commit({**FILES, "readme.md": "one"})) == {DESK}


def test_one_that_is_gone_is_forgotten(room: Room) -> None:
    room.passed(room.commit({**FILES, "readme.md": "one"}))

    room.unaffected.forget(SHOP)

    assert room.unaffected.current(SHOP, room.first) == room.first
    assert room.passed(room.commit({**FILES, "readme.md": "two"})) == {DESK}


def test_nobody_is_passed_over_when_history_is_rewritten(room: Room) -> None:
    assert room.passed(room.commit({**FILES, "readme.md": "one"}, orphan=True)) == frozenset()


@pytest.fixture
def poller(room: Room, nowhere: Transport) -> Iterator[SourcePoller]:
    """Follows the repository for three applications; `bank` never rested."""
    clock = Scheduler()
    secrets = SecretStore(Objects(nowhere, Discovery(nowhere)))
    poller = SourcePoller(room.sources, secrets, clock, WorkQueue(), wake=room.wake, events=EventLog())
    for name in ("desk", "shop", "bank"):
        poller.use(application(name, url=room.author.repository.url, path=name))
    poller.unaffected = room.unaffected
    yield poller
    clock.stop()


def poll(poller: SourcePoller, room: Room) -> list[tuple[AppKey, Priority]]:
    """Who is woken by one poll."""
    room.woken.clear()
    poller.reconcile(Item(key=room.author.repository, reasons=(), priority=Priority.COMMIT, waited=0.0))
    return list(room.woken)


def test_a_poll_wakes_who_asked_first_then_who_is_touched_and_not_those_at_rest(room: Room, poller: SourcePoller) -> None:
    room.author.commit({**FILES, "zoo/one.yaml": config_map("one"), "desk/two.yaml": config_map("other")})
    poll(poller, room)
    room.author.commit({**FILES, "desk/two.yaml": config_map("third")})
    poller.ask(BANK, "now")

    woken = poll(poller, room)

    assert woken == [(BANK, Priority.USER), (BANK, Priority.COMMIT), (DESK, Priority.COMMIT)]


def test_a_poll_wakes_those_that_are_touched_before_those_with_something_else_to_do(room: Room, poller: SourcePoller) -> None:
    poll(poller, room)
    room.unaffected.rouse(SHOP)
    room.unaffected.rouse(DESK)
    room.author.commit({"desk/two.yaml": config_map("two"), "shop/one.yaml": config_map("other")})

    assert poll(poller, room) == [(key, Priority.COMMIT) for key in (BANK, SHOP, DESK)]


def test_the_first_poll_passes_over_nobody(room: Room, poller: SourcePoller) -> None:
    room.author.commit({**FILES, "readme.md": "one"})

    assert {key for key, _ in poll(poller, room)} == {SHOP, DESK, BANK}
