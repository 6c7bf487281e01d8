from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Item, Priority, WorkQueue
from gitops_agent.api.application import Application
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey
from gitops_agent.source.sources import Ref, Repository, Sources
from tests.agent.samples import EventLog, Longest, application, key
from tests.clock import Clock
from tests.source.author import Author
from tests.waiting import LIMIT_SECONDS

SHOP, DESK = key("shop"), key("desk")
MAIN = Ref(kind="branch", value="main")
ANSWER = "the repository was read as asked"


class Stand:
    """A poller whose queue and clock the test drives."""

    def __init__(self, sources: Sources, nowhere: Transport, author: Author, clock: Scheduler) -> None:
        self.time = Clock()
        self.queue: WorkQueue[Repository] = WorkQueue(base=1.0, clock=self.time, jitter=Longest())
        self.wakes: list[tuple[AppKey, str, Priority]] = []
        self.log = EventLog()
        self.author, self.clock = author, clock
        self.meanwhile: Callable[[], object] = lambda: None
        secrets = SecretStore(Objects(nowhere, Discovery(nowhere)))
        self.polling = SourcePoller(
            sources,
            secrets,
            clock,
            self.queue,
            wake=self.moved,
            events=self.log,
        )

    def moved(self, *news: Any) -> None:
        self.wakes.append(news)
        self.meanwhile()

    def application(self, name: str, **options: Any) -> Application:
        return application(name, url=self.author.repository.url, **options)

    def turn(self) -> Item[Repository] | None:
        """Polls what is due: the item, None when nothing is."""
        item = self.queue.take(0)
        if item is not None:
            self.polling.reconcile(item)
            self.queue.done(item.key)
        return item

    def turns(self) -> int:
        """Polls until nothing is due: how often."""
        count = 0
        while self.turn() is not None:
            count += 1
        return count

    def news(self) -> list[tuple[AppKey, str, Priority]]:
        """The wakes since the last call, without those that end an `ask`."""
        wakes, self.wakes = self.wakes, []
        return [wake for wake in wakes if wake[1] != ANSWER]

    def interval(self) -> float:
        """Polling interval of the repository in seconds; 0 without one."""
        return next((interval.seconds for name, interval in self.clock._intervals.items() if name.startswith("poll ")), 0.0)


@pytest.fixture
def stand(sources: Sources, nowhere: Transport, author: Author) -> Iterator[Stand]:
    clock = Scheduler()
    clock.start()
    author.commit({"readme.md": "first"})
    yield Stand(sources, nowhere, author, clock)
    clock.stop()


def test_many_applications_of_one_repository_are_one_poll(stand: Stand) -> None:
    for number in range(20):
        stand.polling.use(stand.application(f"app-{number}"))

    assert stand.turns() == 1
    assert len(stand.news()) == 20


def test_applications_that_come_one_after_another_are_one_poll_more(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()

    for name in ("desk", "till", "cart"):
        stand.polling.use(stand.application(name))
        assert stand.turn() is None
    stand.time.now += 1.0

    assert stand.turns() == 1


def test_a_reference_that_no_application_followed_is_polled_at_once(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()

    stand.polling.use(stand.application("desk", branch="next"))

    assert stand.turns() == 1


def test_a_reference_that_came_after_a_poll_is_awaited_and_its_follower_woken(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()
    repository, ref = stand.polling.use(stand.application("desk", branch="next"))
    awaited = stand.polling.state(repository).of(ref)
    stand.news()

    stand.turns()

    assert not awaited.polled
    assert stand.polling.state(repository).of(ref).polled
    assert [name for name, _, _ in stand.news()] == [DESK]


def test_a_request_is_answered_by_a_poll_that_began_after_it(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    before = stand.polling.ask(SHOP, "now")
    during: list[int] = []
    # The news of the first poll comes while that poll is still under way.
    stand.meanwhile = lambda: during.append(stand.polling.ask(SHOP, "now")) if not during else None

    stand.turn()

    assert stand.polling.answered(SHOP, before)
    assert not stand.polling.answered(SHOP, during[0])

    stand.turn()

    assert stand.polling.answered(SHOP, during[0])
    assert (SHOP, ANSWER, Priority.USER) in stand.wakes


def test_a_request_is_answered_when_the_repository_cannot_be_read_too(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()
    stand.author.directory.rename(stand.author.directory.with_suffix(".away"))
    number = stand.polling.ask(SHOP, "now")

    stand.turn()

    assert stand.polling.answered(SHOP, number)


def test_the_same_use_again_asks_for_nothing(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()

    stand.polling.use(stand.application("shop"))

    assert stand.turns() == 0


def test_an_unmoved_branch_is_no_news(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()
    stand.news()

    stand.polling.ask(SHOP, "now")

    assert stand.turns() == 1
    assert stand.news() == []


def test_a_moved_branch_is_news_for_those_who_follow_it(stand: Stand) -> None:
    stand.author.commit({"readme.md": "other"}, branch="next")
    stand.polling.use(stand.application("shop"))
    stand.polling.use(stand.application("desk", branch="next"))
    stand.turns()
    stand.news()

    commit = stand.author.commit({"readme.md": "second"})
    stand.polling.ask(DESK, "now")
    stand.turns()

    assert stand.news() == [(SHOP, f"main is at {commit[:12]}", Priority.COMMIT)]
    assert stand.log.events == []


def test_a_rewritten_branch_is_reported_as_such(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()
    new = stand.author.commit({"readme.md": "another history"}, orphan=True)

    stand.polling.ask(SHOP, "now")
    stand.turns()

    assert [(event.application, event.facts["new"], event.facts["lost"]) for event in stand.log.events] == [(SHOP, new, 1)]


def test_a_rewritten_branch_that_could_not_be_reported_is_reported_at_the_next_poll(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()
    new = stand.author.commit({"readme.md": "another history"}, orphan=True)
    stand.log.full = True
    stand.polling.ask(SHOP, "now")
    stand.turns()
    assert stand.log.events == []

    stand.log.full = False
    stand.polling.ask(SHOP, "again")
    stand.turns()

    assert [event.facts["new"] for event in stand.log.events] == [new]


def test_the_shortest_interval_wins(stand: Stand) -> None:
    stand.polling.use(stand.application("shop", sync={"interval": "1h"}))
    stand.polling.use(stand.application("desk", sync={"interval": "5m"}))
    assert stand.interval() == 300

    stand.polling.use(stand.application("desk", sync={"interval": "2h"}))
    assert stand.interval() == 3600


def test_a_repository_without_applications_is_not_polled_any_more(stand: Stand) -> None:
    repository, _ = stand.polling.use(stand.application("shop"))
    stand.polling.use(stand.application("desk"))
    stand.turns()
    stand.polling.forget(SHOP)
    assert stand.interval() == 30

    stand.polling.forget(DESK)
    stand.queue.add(repository, "a late tick")

    assert stand.interval() == 0
    assert not stand.polling.state(repository).polled
    stand.turns()
    assert not stand.polling.state(repository).polled


def test_the_mirror_of_a_repository_without_applications_is_removed(stand: Stand, tmp_path: Path) -> None:
    repository, _ = stand.polling.use(stand.application("shop"))
    stand.turns()
    mirrors = tmp_path / "mirrors"
    assert list(mirrors.rglob("HEAD"))

    stand.polling.forget(SHOP)
    stand.turns()

    assert not list(mirrors.rglob("HEAD"))
    polling = stand.polling
    assert not any((polling._states, polling._ended, polling._quiet_until, polling._intervals)), "nothing is remembered of it"
    stand.polling.use(stand.application("desk"))
    stand.turns()
    assert stand.polling.state(repository).polled


def test_an_application_that_moves_on_leaves_its_old_repository_alone(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()

    stand.polling.use(application("shop", url=f"{stand.author.repository.url}-elsewhere"))

    names = [name for name in stand.clock.names() if name.startswith("poll ")]
    assert [name.split()[1] for name in names] == [f"{stand.author.repository.url}-elsewhere"]


def test_a_tick_asks_for_a_poll(stand: Stand) -> None:
    repository, _ = stand.polling.use(stand.application("shop"))
    stand.turns()

    stand.polling._tick(repository)

    item = stand.turn()
    assert item is not None
    assert item.reasons == ("interval",)


class Away:
    """A repository that comes and goes."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.place = stand.author.directory
        self.repository, _ = stand.polling.use(stand.application("shop"))
        stand.turns()
        stand.news()

    def go(self) -> None:
        self.place.rename(self.place.with_suffix(".away"))
        self.stand.polling.ask(SHOP, "now")
        self.stand.turns()

    def come_back(self) -> None:
        self.place.with_suffix(".away").rename(self.place)


@pytest.fixture
def away(stand: Stand) -> Away:
    return Away(stand)


def test_a_repository_that_fails_is_reported_once_with_the_time_it_began(stand: Stand, away: Away) -> None:
    away.go()
    first = stand.polling.state(away.repository)
    assert [why for _, why, _ in stand.news()] == ["the repository cannot be read"]

    stand.time.now += 60
    assert stand.turns() == 1
    second = stand.polling.state(away.repository)

    assert first.error is not None
    assert second.since == first.since is not None
    assert stand.news() == []


def test_a_repository_that_fails_is_asked_less_and_less_often(stand: Stand, away: Away) -> None:
    away.go()
    pauses = []
    for _ in range(4):
        begin = stand.time.now
        while stand.turn() is None:
            stand.time.now += 0.5
        pauses.append(stand.time.now - begin)

    assert pauses == [1, 2, 4, 8]


def test_the_clock_does_not_shorten_the_pause_after_a_failure(stand: Stand, away: Away) -> None:
    away.go()

    stand.polling._tick(away.repository)

    assert stand.turns() == 0


def test_a_person_does_shorten_it(stand: Stand, away: Away) -> None:
    away.go()

    stand.polling.ask(SHOP, "asked for")

    item = stand.turn()
    assert item is not None
    assert item.priority is Priority.USER


def test_a_recovery_is_reported(stand: Stand, away: Away) -> None:
    away.go()
    stand.news()
    away.come_back()
    stand.time.now += 60
    stand.turns()

    state = stand.polling.state(away.repository)
    assert (state.error, state.since, state.polled) == (None, None, True)
    assert stand.news() == [(SHOP, "the repository was read", Priority.COMMIT)]
    stand.polling._tick(away.repository)
    assert stand.turns() == 1


def test_what_was_seen_last_stays_while_the_repository_is_away(stand: Stand, away: Away, sources: Sources) -> None:
    before = sources.resolve(away.repository, MAIN)
    away.go()

    assert sources.resolve(away.repository, MAIN) == before


def test_one_branch_that_is_not_there_is_only_its_own_follower_s_trouble(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    repository, gone = stand.polling.use(stand.application("desk", branch="gone"))
    stand.turns()

    state = stand.polling.state(repository)
    assert state.error is None
    assert set(state.refs) == {gone}
    stand.news()

    stand.author.commit({"readme.md": "here"}, branch="gone")
    stand.polling.ask(DESK, "now")
    stand.turns()

    assert [who for who, _, _ in stand.news()] == [DESK]
    assert stand.polling.state(repository).refs == {}


def test_a_rotated_secret_polls_the_repositories_that_use_it_at_once(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.turns()
    used, _ = stand.polling.use(stand.application("desk", secret="token"))
    stand.queue.take(0)
    stand.queue.done(used)
    stand.polling._quiet_until[used] = float("inf")

    stand.polling.rotated("gitops-system/another")
    assert stand.queue.take(0) is None
    stand.polling.rotated("gitops-system/token")

    item = stand.queue.take(0)
    assert item is not None
    assert (item.key, item.reasons) == (used, ("credentials changed",))


def test_mirrors_are_shared_only_by_those_with_the_same_credentials(stand: Stand) -> None:
    first, _ = stand.polling.use(stand.application("shop"))
    second, _ = stand.polling.use(stand.application("desk", secret="token"))
    third, _ = stand.polling.use(stand.application("bank", secret="token"))

    assert first != second == third
    assert second.secret == "gitops-system/token"


def test_a_poll_of_a_server_that_hangs_ends_with_the_poller_and_says_nothing_of_it(stand: Stand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}/shop.git"
        repository, _ = stand.polling.use(application("shop", url=url))
        poll = threading.Thread(target=stand.turn)
        poll.start()
        connection, _ = server.accept()
        with connection:
            stand.polling.stop()
            poll.join(LIMIT_SECONDS)

            assert not poll.is_alive()
    assert stand.polling.state(repository) == SourceState()
    assert stand.wakes == []


def test_nothing_is_polled_once_the_poller_has_ended(stand: Stand) -> None:
    stand.polling.use(stand.application("shop"))
    stand.polling.stop()

    stand.turn()

    assert stand.wakes == []
