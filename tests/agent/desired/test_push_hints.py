from __future__ import annotations

import pytest

from gitops_agent.agent.desired.push_hints import PushHints, Tip
from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.agent.work_queue import Item, WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from tests.agent.desired.test_poller import Stand, stand

__all__ = ["stand"]

MAIN = "refs/heads/main"
LATER = "f" * 40


class Hints:
    """Hints over a poller whose clock the test turns."""

    def __init__(self, stand: Stand, nowhere: Transport) -> None:
        self.stand = stand
        self.queue: WorkQueue[Tip] = WorkQueue(clock=stand.time)
        secrets = SecretStore(Objects(nowhere, Discovery(nowhere)))
        secret = ("gitops-system", "hooks")
        self.hints = PushHints(stand.polling, secrets, self.queue, secret=secret, clock=stand.time)
        stand.polling.use(stand.application("shop"))
        stand.turns()

    def pushed(self, *tips: tuple[str, str], url: str = "") -> None:
        self.hints.pushed([url or self.stand.author.repository.url], tips)

    def turn(self, seconds: float = 0.0) -> tuple[int, int]:
        """Polls, and checks for late commits, that were due."""
        self.stand.time.now += seconds
        looks = 0
        while (item := self.queue.take(0)) is not None:
            self._look(item)
            looks += 1
        return self.stand.turns(), looks

    def _look(self, item: Item[Tip]) -> None:
        self.hints.reconcile(item)
        self.queue.done(item.key)


@pytest.fixture
def hints(stand: Stand, nowhere: Transport) -> Hints:
    return Hints(stand, nowhere)


def test_a_hint_polls_the_repository_at_once(hints: Hints) -> None:
    commit = hints.stand.author.commit({"readme.md": "second"})

    hints.pushed((MAIN, commit))

    assert hints.turn() == (1, 0)
    assert not hints.stand.polling.behind(hints.stand.author.repository, MAIN, commit)
    assert hints.hints.last(hints.stand.author.repository) is not None


def test_another_repository_is_not_polled(hints: Hints) -> None:
    hints.pushed(url="https://git.example.com/acme/other")
    assert hints.hints.last(hints.stand.author.repository) is None

    assert hints.turn(60) == (0, 0)


def test_a_flood_is_one_poll_now_and_one_after_a_second(hints: Hints) -> None:
    for _ in range(1000):
        hints.pushed()
    assert hints.turn() == (1, 0)

    for _ in range(1000):
        hints.pushed()
    assert hints.turn() == (0, 0)
    assert hints.turn(1.0) == (1, 0)
    assert hints.turn(60.0) == (0, 0)


def test_a_commit_that_is_not_there_yet_is_looked_for_three_times(hints: Hints) -> None:
    hints.pushed((MAIN, LATER))

    assert hints.turn() == (1, 0)
    assert [hints.turn(0.5) for _ in range(8)].count((0, 0)) < 8
    assert hints.turn(600.0) == (0, 0)
    assert hints.hints._polled == {}


def test_a_commit_that_comes_late_is_found(hints: Hints) -> None:
    commit = hints.stand.author.commit({"readme.md": "late"})
    hints.stand.author.git("update-ref", MAIN, f"{commit}~1")
    hints.pushed((MAIN, commit))
    hints.turn()
    assert hints.stand.polling.behind(hints.stand.author.repository, MAIN, commit)

    hints.stand.author.git("update-ref", MAIN, commit)
    for _ in range(4):
        hints.turn(0.5)

    assert not hints.stand.polling.behind(hints.stand.author.repository, MAIN, commit)


@pytest.mark.parametrize("reference", ["refs/heads/other", "refs/tags/main", "main"])
def test_a_branch_that_is_not_followed_is_not_looked_for(hints: Hints, reference: str) -> None:
    hints.pushed((reference, LATER))

    assert hints.turn() == (1, 0)
    assert hints.turn(60.0) == (0, 0)


def test_without_its_secret_no_sender_is_known(hints: Hints) -> None:
    assert hints.hints.secrets() == {}
