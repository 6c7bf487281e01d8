"""Values of other repositories beside a commit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.desired.beside_sources import BesideSources, WholeRevision
from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.api.application import Application
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import with_values
from gitops_agent.revision.mounted_tree import values_folder
from gitops_agent.source.sources import Sources
from tests.agent.desired.test_poller import Stand
from tests.source.author import Author

pytestmark = pytest.mark.slow


class Values:
    """An application with values of a second repository."""

    def __init__(self, stand: Stand, shared: Author, sources: Sources) -> None:
        self.stand, self.shared, self.sources = stand, shared, sources
        self.beside = BesideSources(stand.polling)
        self.ref: dict[str, str] = {"branch": "main"}

    def application(self, name: str = "shop", **change: Any) -> Application:
        source = {"kind": "Git", "repoURL": self.shared.repository.url, "ref": self.ref, "path": "web.yaml", **change}
        return self.stand.application(name, render={"helm": {"valuesFrom": [source]}})

    def whole(self, application: Application | None = None) -> WholeRevision:
        application = application or self.application()
        repository, ref = self.stand.polling.use(application)
        self.stand.turns()
        revision, state = self.sources.resolve(repository, ref), self.stand.polling.state(repository)
        return self.beside.whole(application, revision, state)

    def settled(self) -> WholeRevision:
        self.whole()
        self.stand.turns()
        return self.whole()

    def text(self, revision: str) -> bytes:
        application = self.application()
        tree = self.beside.mounted(application, self.sources.tree(self.stand.author.repository, revision), revision)
        assert tree.commit.startswith(revision)
        return tree.read(f"{values_folder(0)}/web.yaml", limit=1000)


@pytest.fixture
def values(sources: Sources, nowhere: Transport, author: Author, tmp_path: Path) -> Iterator[Values]:
    clock = Scheduler()
    clock.start()
    author.commit({"readme.md": "first"})
    yield Values(Stand(sources, nowhere, author, clock), Author(tmp_path / "shared.git"), sources)
    clock.stop()


def test_values_are_fetched_and_named_with_the_commit(values: Values) -> None:
    commit = values.shared.commit({"web.yaml": "color: green"})

    first, then = values.whole(), values.settled()

    assert first.pending == f"{values.shared.repository.url}, which holds values, is being fetched for the first time"
    assert first.revision is None
    assert then.revision is not None
    own = then.revision.commit.partition("+")[0]
    assert then.revision.commit == with_values(own, [(values.shared.repository.url, commit)])
    assert [(source.ref, source.commit) for source in then.revision.values] == [("branch main", commit)]
    assert values.text(then.revision.commit) == b"color: green"


def test_many_applications_poll_a_repository_with_values_once(values: Values) -> None:
    values.shared.commit({"web.yaml": "color: green"})
    values.settled()

    for number in range(20):
        values.whole(values.application(f"shop-{number}"))

    assert values.stand.turns() == 0
    assert values.stand.polling.repositories().count(values.shared.repository) == 1


def test_a_new_commit_of_the_values_wakes_the_application_once(values: Values) -> None:
    values.shared.commit({"web.yaml": "color: green"})
    values.settled()
    values.stand.news()

    commit = values.shared.commit({"web.yaml": "color: red"})
    values.stand.polling.poll_soon(values.shared.repository, "a push")
    values.stand.turns()

    assert [reason for _, reason, _ in values.stand.news()] == [f"main is at {commit[:12]}"]


def test_an_earlier_revision_has_its_own_values(values: Values) -> None:
    values.shared.commit({"web.yaml": "color: green"})
    before = values.settled().revision
    values.shared.commit({"web.yaml": "color: red"})
    values.stand.polling.poll_soon(values.shared.repository, "a push")
    after = values.settled().revision

    assert before is not None
    assert after is not None
    assert (values.text(before.commit), values.text(after.commit)) == (b"color: green", b"color: red")
    assert values.text(before.commit.partition("+")[0]) == b"color: red"


def test_values_that_cannot_be_read_any_more_stay_and_are_reported(values: Values) -> None:
    values.shared.commit({"web.yaml": "color: green"})
    before = values.settled()
    values.shared.directory.rename(values.shared.directory.with_suffix(".away"))
    values.stand.polling.poll_soon(values.shared.repository, "the interval is over")

    after = values.settled()

    assert after.revision == before.revision
    assert after.source.error is not None
    assert str(values.shared.repository) in str(after.source.error)


def test_a_branch_without_commits_is_the_error_of_its_application(values: Values) -> None:
    values.shared.commit({"web.yaml": "color: green"})
    values.ref = {"branch": "gone"}

    whole = values.settled()

    assert whole.revision is None
    assert isinstance(whole.error, SourceError)
    assert str(whole.error).startswith(f"{values.shared.repository}: there is no branch 'gone'")


def test_a_repository_that_is_no_longer_named_is_no_longer_polled(values: Values) -> None:
    values.shared.commit({"web.yaml": "color: green"})
    values.settled()

    values.whole(values.stand.application("shop"))

    assert values.shared.repository not in values.stand.polling.repositories()
