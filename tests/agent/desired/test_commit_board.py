from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.desired.commit_board import ApplicationCommits
from gitops_agent.agent.desired.render_pool import RenderPool
from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.api.notifier import LabelSelector
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.commit_board import Following, Mailbox
from gitops_agent.notify.commit_status_ledger import Stream
from gitops_agent.notify.commit_status_parts import Sight, Standing
from gitops_agent.render.renderer import KubeFacts, Renderer, RenderRequest
from gitops_agent.source.sources import Ref, Sources
from tests.agent.samples import application_object, config_map, key
from tests.source.author import Author
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SHOP, PAY = key("shop"), key("pay")
MAIN = Ref(kind="branch", value="main")
FILES = {"shop/one.yaml": config_map("one"), "pay/two.yaml": config_map("two")}


class Room:
    """Two applications of one repository, rendered, and their board."""

    def __init__(self, folder: Path, author: Author, sources: Sources) -> None:
        self.author, self.sources = author, sources
        self.applications = ApplicationStore(lambda _key, _reason, _priority: None)
        self.renders = RenderPool(Renderer(scratch=folder), lambda _key, _reason, _priority: None, concurrency=1)
        self.board = ApplicationCommits(self.applications, sources, self.renders)
        for application, labels in ((SHOP, {"team": "web"}), (PAY, {"team": "bank"})):
            obj = application_object(application.name, namespace=application.namespace, url=author.repository.url)
            obj["metadata"]["labels"] = labels
            self.applications.put(obj)

    def commit(self, files: dict[str, str]) -> str:
        """Commits, fetches and renders."""
        commit = self.author.commit(files)
        self.sources.poll(self.author.repository, frozenset({MAIN}))
        tree = self.sources.tree(self.author.repository, commit)
        for application in (SHOP, PAY):
            path = application.name
            request = RenderRequest(application=application, path=path, options=None, namespace="x", facts=KubeFacts())
            eventually(partial(self.renders.rendered, application, tree, request))
        return commit


@pytest.fixture
def room(tmp_path: Path, author: Author, sources: Sources) -> Iterator[Room]:
    room = Room(tmp_path / "scratch", author, sources)
    yield room
    room.renders.stop()


def status(ready: str = "True", reason: str = "Synced", message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": message}]}


def test_a_commit_touches_those_whose_renders_read_what_it_changed(room: Room) -> None:
    first = room.commit(FILES)
    second = room.commit({**FILES, "shop/one.yaml": config_map("other"), "README.md": "x"})

    assert room.board.differs(SHOP, first)
    assert not room.board.differs(PAY, first)
    assert not room.board.differs(SHOP, second)
    assert room.board.differs(PAY, "f" * 40)


def test_selected_applications_follow_a_stream(room: Room) -> None:
    assert room.board.streams(LabelSelector()) == {}
    commit = room.commit(FILES)
    stream = Stream(room.author.repository.url, "branch main")
    everything = room.board.streams(LabelSelector())[stream]
    assert everything == Following(head=commit, applications=frozenset({SHOP, PAY}))

    second = room.commit({**FILES, "README.md": "x"})
    third = room.commit(FILES)
    assert room.board.between(stream, commit, third) == (second,)
    assert room.board.between(stream, third, commit) is None
    assert room.board.between(Stream(stream.repository, "branch other"), commit, third) == ()

    team = room.board.streams(LabelSelector(match_labels={"team": "bank"}))[stream]
    assert team.applications == {PAY}
    assert room.board.streams(LabelSelector(match_labels={"team": "none"})) == {}


@pytest.mark.parametrize(
    ("ready", "reason", "standing", "word"),
    [
        ("True", "Synced", Standing.LIVE, ""),
        ("Unknown", "Progressing", Standing.PENDING, ""),
        ("False", "Degraded", Standing.FAILED, "degraded"),
        ("False", "RolledBack", Standing.FAILED, "rolled back"),
        ("False", "RenderFailed", Standing.FAILED, "failed"),
        ("False", "HeldForApproval", Standing.PENDING, "held for approval"),
        ("Unknown", "Suspended", Standing.PENDING, "paused"),
        ("False", "WindowClosed", Standing.PENDING, "waiting for a window"),
        ("False", "WebhookUnavailable", Standing.PENDING, ""),
    ],
)
def test_the_condition_ready_is_a_standing(room: Room, ready: str, reason: str, standing: Standing, word: str) -> None:
    commit = room.commit(FILES)
    room.board.note(SHOP, commit, status(ready, reason, "why"))
    sight = room.board.sight(SHOP)

    assert sight is not None
    assert (sight.commit, sight.standing, sight.word) == (commit, standing, word)
    assert sight.text == ("why" if word else "")


def test_only_what_is_new_reaches_a_mailbox(room: Room) -> None:
    commit, mailbox = room.commit(FILES), Mailbox()
    room.board.subscribe(mailbox)
    assert mailbox.take() is None
    room.board.note(SHOP, commit, status())
    assert room.board.ready
    assert mailbox.take() == frozenset({SHOP})
    room.board.note(SHOP, commit, status())
    assert mailbox.take() == frozenset[AppKey]()
    room.board.forget(SHOP)
    assert mailbox.take() == frozenset({SHOP})
    assert room.board.sight(SHOP) is None


def test_the_commit_that_was_live_last_is_known(room: Room) -> None:
    first = room.commit(FILES)
    room.board.note(SHOP, first, status())
    second = room.commit({**FILES, "shop/one.yaml": config_map("other")})
    room.board.note(SHOP, second, status("Unknown", "Progressing"))
    sight = room.board.sight(SHOP)

    assert sight == Sight(commit=second, standing=Standing.PENDING, live=first)


def test_a_commit_that_is_not_rendered_yet_says_nothing(room: Room) -> None:
    commit = room.commit(FILES)
    room.board.note(SHOP, commit, status())
    room.board.note(SHOP, "f" * 40, status())

    assert room.board.sight(SHOP) == Sight(commit=commit, standing=Standing.LIVE, live=commit)


def test_an_error_before_the_commit_is_about_the_last_one(room: Room) -> None:
    commit = room.commit(FILES)
    room.board.note(SHOP, commit, status())
    room.board.note(SHOP, "", status("False", "SourceFailed", "gone"))
    sight = room.board.sight(SHOP)

    assert sight is not None
    assert (sight.commit, sight.standing) == (commit, Standing.FAILED)


def test_a_commit_that_is_refused_for_its_signature_fails(room: Room) -> None:
    commit = room.commit(FILES)
    room.board.note(SHOP, commit, status("False", "Unverified", "nobody signed"), refused=True)

    assert room.board.sight(SHOP) == Sight(
        commit=commit, standing=Standing.FAILED, word="unverified", text="nobody signed", refused=True
    )


def test_equal_sights_are_one_object(room: Room) -> None:
    commit = room.commit(FILES)
    room.board.note(SHOP, commit, status())
    room.board.note(PAY, commit, status())

    assert room.board.sight(SHOP) is room.board.sight(PAY)
