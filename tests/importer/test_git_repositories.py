from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.importer.git_repositories import GitRepositories
from tests.source.author import Author

pytestmark = pytest.mark.slow


@pytest.fixture
def author(tmp_path: Path) -> Author:
    author = Author(tmp_path / "repository")
    author.commit({"apps/a.yaml": "a: 1\n"})
    author.tag("v1.0.0")
    return author


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[GitRepositories]:
    repositories = GitRepositories(tmp_path / "cache", lambda _: None)
    yield repositories
    repositories.close()


def test_a_revision_is_looked_up(author: Author, repositories: GitRepositories) -> None:
    url = author.repository.url

    assert repositories.reference(url, "main").spec == {"branch": "main"}
    assert repositories.reference(url, "v1.0.0").spec == {"tag": "v1.0.0"}
    assert repositories.reference(url, "HEAD").spec == {"branch": "main"}
    assert repositories.reference(url, "").doubt == ""
    assert "neither a branch nor a tag gone" in repositories.reference(url, "gone").doubt


def test_the_files_of_a_revision_are_read(author: Author, repositories: GitRepositories) -> None:
    tree = repositories.tree(author.repository.url, "v1.0.0")

    assert [entry.path for entry in tree.walk("")] == ["apps/a.yaml"]


def test_a_repository_that_cannot_be_read_leaves_doubt(tmp_path: Path, repositories: GitRepositories) -> None:
    url = f"file://{tmp_path}/gone"

    assert "cannot be read" in repositories.reference(url, "main").doubt
    with pytest.raises(SourceError):
        repositories.tree(url, "main")
