from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from gitops_agent.api.notifier import LabelSelector, Notifier
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.notify.commit_board import Following, Mailbox
from gitops_agent.notify.commit_status_ledger import GRACE, PAUSE, Stream
from gitops_agent.notify.commit_status_parts import Sight, Standing
from gitops_agent.notify.commit_status_worker import CommitStatusOptions, CommitStatusWorker
from tests.notify.builders import Clock
from tests.notify.conftest import QUICK, Desk
from tests.notify.receiver import Handler, Receiver, Script, Told
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

FIRST, SECOND = "a" * 40, "b" * 40
MAIN = Stream("https://forge.example.com/acme/config", "branch main")


class Board:
    """Two applications that follow one branch."""

    ready = True

    def __init__(self, namespace: str) -> None:
        self._applications = frozenset(AppKey(namespace, name) for name in ("pay", "shop"))
        self._mailboxes: list[Mailbox] = []
        self._sights: dict[AppKey, Sight] = {}
        self._touched: frozenset[str] = frozenset({"pay", "shop"})
        self.head = FIRST
        self.skipped: dict[tuple[str, str], Sequence[str] | None] = {}

    def subscribe(self, mailbox: Mailbox) -> None:
        self._mailboxes.append(mailbox)

    def unsubscribe(self, mailbox: Mailbox) -> None:
        self._mailboxes.remove(mailbox)

    def streams(self, selector: LabelSelector) -> Mapping[Stream, Following]:
        del selector
        return {MAIN: Following(head=self.head, applications=self._applications)}

    def between(self, stream: Stream, old: str, new: str) -> Sequence[str] | None:
        del stream
        return self.skipped.get((old, new), ())

    def sight(self, application: AppKey) -> Sight | None:
        return self._sights.get(application)

    def differs(self, application: AppKey, commit: str) -> bool:
        del commit
        return application.name in self._touched

    def commit(self, name: str, *touched: str) -> None:
        self.head, self._touched = name, frozenset(touched)

    def see(self, standing: Standing = Standing.LIVE, *names: str) -> None:
        for application in self._applications:
            if not names or application.name in names:
                word = "degraded" if standing is Standing.FAILED else ""
                self._sights[application] = Sight(commit=self.head, standing=standing, word=word)
        self.look()

    def look(self) -> None:
        """Makes every worker look."""
        for mailbox in self._mailboxes:
            for application in self._applications:
                mailbox.add(application)


class Desktop:
    """Workers of forges on the control plane, and their clock."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.board, self.clock = desk, Board(desk.namespace), Clock()
        self._workers: list[CommitStatusWorker] = []
        desk.secrets["forge"] = {"token": b"t0k"}

    def start(self, receiver: Receiver, provider: str = "github", **spec: Any) -> CommitStatusWorker:
        address = receiver.url.removesuffix("/hook")
        repository = "acme/shop/config" if provider == "azuredevops" else "acme/config"
        known = {"provider": provider, "address": address, "secretRef": {"name": "forge"}, "repository": repository}
        return self.again(self.desk.make("forge", **known | spec))

    def again(self, notifier: Notifier) -> CommitStatusWorker:
        options = CommitStatusOptions(
            cluster="prod-eu", external_url="https://gitops.example.com", retry=QUICK, clock=self.clock, look_seconds=0.01
        )
        http = HttpClient(timeout_seconds=2.0)
        worker = CommitStatusWorker(
            notifier, self.desk.objects, self.desk.secrets, http=http, board=self.board, options=options
        )
        self._workers.append(worker)
        worker.start()
        return worker

    def stop(self) -> None:
        while self._workers:
            worker = self._workers.pop()
            worker.ask_to_stop()
            worker.join(60)

    def wait(self, delta: Any) -> None:
        self.clock.now += delta
        self.board.look()

    def commits(self) -> list[Object]:
        return list(self.desk.status("forge").get("commits") or [])


@pytest.fixture
def desktop(desk: Desk) -> Iterator[Desktop]:
    desktop = Desktop(desk)
    yield desktop
    desktop.stop()


def states(receiver: Receiver, name: str = "gitops-agent/prod-eu") -> list[tuple[str, str]]:
    """What was shown under a name, as state and description."""
    shown = [request.json for request in receiver.told if "/statuses/" in request.path]
    return [(status["state"], status["description"]) for status in shown if status["context"] == name]


def test_a_commit_is_shown_as_a_whole_and_by_application(desktop: Desktop) -> None:
    with Receiver() as receiver:
        desktop.start(receiver)
        desktop.board.see(Standing.PENDING)
        desktop.wait(GRACE)
        eventually(lambda: len(receiver.told) == 3)
        assert desktop.commits()[0]["commit"] == FIRST
        desktop.board.see(Standing.LIVE, "pay")
        desktop.board.see(Standing.FAILED, "shop")
        eventually(lambda: desktop.desk.status("forge").get("delivered") == 6)
        desktop.wait(PAUSE)
        desktop.board.see()
        eventually(lambda: len(states(receiver)) == 3 and len(states(receiver, "gitops-agent/prod-eu/shop")) == 3)
        desktop.stop()

    assert states(receiver) == [("pending", "0 of 2 live"), ("failure", "1 degraded: shop"), ("success", "2 of 2 live")]
    assert states(receiver, "gitops-agent/prod-eu/pay") == [("pending", "on its way"), ("success", "live")]
    whole, pay = receiver.told[0], receiver.told[1]
    assert whole.path == f"/repos/acme/config/statuses/{FIRST}"
    assert whole.headers["authorization"] == "Bearer t0k"
    assert whole.json["target_url"] == "https://gitops.example.com/?q=commit%3Aaaaaaaaaaaaa"
    assert pay.json["target_url"] == f"https://gitops.example.com/a/{desktop.desk.namespace}/pay"
    assert desktop.desk.status("forge")["delivered"] == len(receiver.told)
    assert desktop.desk.ready("forge")["status"] == "True"


def test_commits_between_two_looks_are_shown(desktop: Desktop) -> None:
    between = "c" * 40
    with Receiver() as receiver:
        desktop.start(receiver)
        desktop.board.see()
        eventually(lambda: len(receiver.told) == 3)
        desktop.board.skipped[FIRST, SECOND] = (between,)
        desktop.board.commit(SECOND, "pay")
        desktop.board.see()
        eventually(lambda: {request.path.rpartition("/")[2] for request in receiver.told} == {FIRST, between, SECOND})
        desktop.stop()

    shown = [request.json["description"] for request in receiver.told if request.path.endswith(between)]
    assert shown == ["1 of 1 live with bbbbbbbbbbbb"]


def test_a_commit_that_the_branch_does_not_hold_any_more_is_superseded(desktop: Desktop) -> None:
    with Receiver() as receiver:
        desktop.start(receiver)
        desktop.board.see(Standing.PENDING)
        desktop.wait(GRACE)
        eventually(lambda: len(receiver.told) == 3)
        desktop.board.skipped[FIRST, SECOND] = None
        desktop.board.commit(SECOND, "pay", "shop")
        desktop.board.see()
        eventually(lambda: states(receiver)[-1:] == [("success", "2 of 2 live")])
        desktop.stop()

    assert states(receiver)[1] == ("error", "superseded by bbbbbbbbbbbb")


def test_another_leader_repeats_nothing_and_ends_what_is_pending(desktop: Desktop) -> None:
    with Receiver() as receiver:
        desktop.start(receiver)
        desktop.board.see(Standing.PENDING)
        desktop.wait(GRACE)
        eventually(lambda: len(receiver.told) == 3)
        desktop.stop()
        desktop.board.commit(SECOND, "pay")
        desktop.board.see(Standing.LIVE)
        desktop.again(desktop.desk.read("forge"))
        eventually(lambda: len(receiver.told) >= 8)
        desktop.wait(PAUSE)
        desktop.stop()
        desktop.again(desktop.desk.read("forge"))
        desktop.wait(PAUSE)
        desktop.stop()

    assert states(receiver) == [
        ("pending", "0 of 2 live"),
        ("success", "2 of 2 live with bbbbbbbbbbbb"),
        ("success", "1 of 1 live"),
    ]
    assert len(receiver.told) == 8


def test_a_deployment_is_made_once_and_its_state_follows(desktop: Desktop) -> None:
    def take(request: Told, handler: Handler) -> None:
        handler.answer(201, b'{"id": 42}' if request.path.endswith("/deployments") else b"{}")

    with Receiver(take) as receiver:
        options = {"deployments": True, "environment": "production", "perApplication": 0, "name": "gitops/prod"}
        desktop.start(receiver, commitStatus=options)
        desktop.board.see(Standing.PENDING)
        desktop.wait(GRACE)
        eventually(lambda: len(receiver.told) == 3)
        desktop.stop()
        desktop.again(desktop.desk.read("forge"))
        desktop.board.see()
        eventually(lambda: len(receiver.told) == 5)

    deployments = [request for request in receiver.told if "/deployments" in request.path]
    assert [request.path.removeprefix("/repos/acme/config/") for request in deployments] == [
        "deployments",
        "deployments/42/statuses",
        "deployments/42/statuses",
    ]
    assert [request.json.get("state") for request in deployments] == [None, "in_progress", "success"]
    assert {request.json["environment"] for request in deployments} == {"production"}
    assert [state for state, _ in states(receiver, "gitops/prod")] == ["pending", "success"]


def answering(status: int, body: bytes = b"{}", **headers: str) -> Script:
    return lambda _, handler: handler.answer(status, body, **headers)


LATER = [
    ("github", answering(403, b'{"message": "You have exceeded a secondary rate limit"}', retry_after="0")),
    ("github", answering(429, b'{"message": "API rate limit exceeded"}', x_ratelimit_remaining="0")),
    ("gitlab", answering(429, b"Retry later", retry_after="0")),
    ("gitea", answering(503, b"upstream")),
    ("bitbucket", answering(429, b'{"type": "error", "error": {"message": "Rate limit exceeded"}}')),
    ("azuredevops", answering(429, b'{"typeKey": "RequestBlockedException"}', retry_after="0")),
]


@pytest.mark.parametrize(
    ("provider", "refusal"), LATER, ids=["github-403", "github-429", "gitlab", "gitea", "bitbucket", "azuredevops"]
)
def test_a_limit_of_requests_passes(desktop: Desktop, provider: str, refusal: Script) -> None:
    with Receiver(refusal, answering(201)) as receiver:
        desktop.start(receiver, provider)
        desktop.board.see()
        eventually(lambda: desktop.desk.status("forge").get("delivered") == 3)

    assert len(receiver.told) == 4
    assert receiver.told[0].body == receiver.told[1].body


NEVER = [
    ("github", 422, b'{"message": "No commit found for SHA: aaaa"}'),
    ("gitlab", 404, b'{"message": "404 Commit Not Found"}'),
    ("gitea", 404, b'{"message": "sha not found: aaaa"}'),
    ("bitbucket", 404, b'{"type": "error", "error": {"message": "Commit not found"}}'),
    ("azuredevops", 404, b'{"message": "TF401175: The version descriptor could not be resolved"}'),
]


@pytest.mark.parametrize(("provider", "status", "body"), NEVER, ids=[each[0] for each in NEVER])
def test_a_commit_that_the_forge_does_not_know_is_given_up_alone(
    desktop: Desktop, provider: str, status: int, body: bytes
) -> None:
    with Receiver(answering(status, body), answering(201)) as receiver:
        desktop.start(receiver, provider, **({} if provider != "github" else {"commitStatus": {"perApplication": 0}}))
        desktop.board.see()
        eventually(lambda: desktop.desk.status("forge").get("dropped"))
        assert str(status) in desktop.desk.ready("forge")["message"]
        known = len(receiver.told)
        desktop.board.commit(SECOND)
        desktop.board.see()
        eventually(lambda: len(receiver.told) > known)
        eventually(lambda: desktop.desk.ready("forge")["status"] == "True")

    assert SECOND in receiver.told[-1].path


def test_a_token_that_comes_late_is_used(desktop: Desktop) -> None:
    del desktop.desk.secrets["forge"]
    with Receiver() as receiver:
        desktop.start(receiver)
        desktop.board.see()
        eventually(lambda: desktop.desk.ready("forge").get("reason") == "SecretNotFound")
        desktop.desk.secrets["forge"] = {"token": b"t0k"}
        eventually(lambda: states(receiver) == [("success", "2 of 2 live")])
