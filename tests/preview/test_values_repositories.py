from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.api.application import Application
from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import values_of
from gitops_agent.preview.values_repositories import completed, followed_values, located, mounted, with_values_of
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.mounted_tree import values_folder
from gitops_agent.revision.revision import Revision
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources
from tests.agent.samples import application
from tests.source.author import Author

OWN = Revision(repository="https://git.example.com/config.git", ref="main", commit="a" * 40)
FILE = f"{values_folder(0)}/web.yaml"


def anonymous(_: Repository) -> Credentials | None:
    return None


@pytest.fixture
def shared(tmp_path: Path) -> Author:
    return Author(tmp_path / "shared.git")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    opened = Sources(tmp_path / "cache", allow_file=True)
    yield opened
    opened.close()


def shop(shared: Author, branch: str = "main") -> Application:
    source = {"kind": "Git", "repoURL": shared.repository.url, "ref": {"branch": branch}, "path": "web.yaml"}
    return application("shop", render={"helm": {"valuesFrom": [source]}})


def test_a_preview_reads_the_values_of_now_or_of_a_revision(shared: Author, sources: Sources, tmp_path: Path) -> None:
    first = shared.commit({"web.yaml": "color: green"})
    before = completed(shop(shared), OWN, followed_values(shop(shared), sources, anonymous))
    second = shared.commit({"web.yaml": "color: red"})

    now = completed(shop(shared), OWN, followed_values(shop(shared), sources, anonymous))
    earlier = completed(shop(shared), OWN, followed_values(shop(shared), sources, anonymous, before.commit))

    url = shared.repository.url
    assert values_of(now.commit, [url]) == (second,)
    assert values_of(earlier.commit, [url]) == (first,)
    trees = [mounted(shop(shared), sources, WorkTree(tmp_path), revision.commit) for revision in (now, earlier)]
    assert [tree.read(FILE, limit=100) for tree in trees] == [b"color: red", b"color: green"]
    file = located(shop(shared), earlier, FILE)
    assert str(file) == f"web.yaml of {url} at {first[:12]}"
    assert located(shop(shared), earlier, "web.yaml") is None


def test_a_directory_of_this_machine_is_rendered_with_the_values_of_now(shared: Author, tmp_path: Path) -> None:
    shared.commit({"web.yaml": "color: green"})
    (tmp_path / "config").mkdir()

    with with_values_of(shop(shared), WorkTree(tmp_path / "config"), tmp_path, anonymous) as tree:
        assert tree.read(FILE, limit=100) == b"color: green"
    with with_values_of(application("shop"), WorkTree(tmp_path / "config"), tmp_path, anonymous) as tree:
        assert tree.entry(FILE) is None


def test_a_repository_that_cannot_be_read_is_named(shared: Author, sources: Sources) -> None:
    shared.commit({"web.yaml": "color: green"})
    with pytest.raises(SourceError, match=f"{shared.repository.url}: there is no branch 'gone'"):
        followed_values(shop(shared, "gone"), sources, anonymous)
