from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.revision.tree import Closure, Tree
from gitops_agent.source.sources import Ref, Sources
from tests.source.author import Author

MAIN = Ref(kind="branch", value="main")
FILES = {"apps/web/web.yaml": "kind: Web\n", "apps/web/values.yaml": "a: 1\n", "other/readme.md": "hello\n"}


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path / f"{uuid.uuid4().hex}.git")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    made = Sources(tmp_path / "cache", allow_file=True)
    yield made
    made.close()


def at(author: Author, sources: Sources, files: dict[str, str]) -> Tree:
    """The tree of a commit with these files."""
    commit = author.commit(files)
    sources.poll(author.repository, frozenset({MAIN}))
    return sources.tree(author.repository, commit)


def read(tree: Tree, *paths: str) -> Closure:
    """The closure of a render that read these paths."""
    return Closure(frozenset((path, entry.oid if (entry := tree.entry(path)) else None) for path in paths))


def test_a_closure_holds_in_a_commit_that_touches_none_of_its_paths(author: Author, sources: Sources) -> None:
    closure = read(at(author, sources, FILES), "apps/web/web.yaml", "apps/web/values.yaml")

    assert closure.holds(at(author, sources, FILES | {"other/readme.md": "changed\n"}))


def test_a_changed_file_ends_it(author: Author, sources: Sources) -> None:
    closure = read(at(author, sources, FILES), "apps/web/web.yaml")

    assert not closure.holds(at(author, sources, FILES | {"apps/web/web.yaml": "kind: Other\n"}))


def test_a_removed_file_ends_it(author: Author, sources: Sources) -> None:
    closure = read(at(author, sources, FILES), "apps/web/values.yaml")

    assert not closure.holds(at(author, sources, {"apps/web/web.yaml": "kind: Web\n"}))


def test_a_file_that_was_looked_for_in_vain_and_appears_ends_it(author: Author, sources: Sources) -> None:
    closure = read(at(author, sources, FILES), "apps/web/kustomization.yaml")

    assert not closure.holds(at(author, sources, FILES | {"apps/web/kustomization.yaml": "resources: []\n"}))


def test_a_new_file_in_a_directory_that_was_listed_ends_it(author: Author, sources: Sources) -> None:
    closure = read(at(author, sources, FILES), "apps/web")

    assert not closure.holds(at(author, sources, FILES | {"apps/web/more.yaml": "kind: More\n"}))


def test_a_file_that_came_back_as_it_was_is_no_change(author: Author, sources: Sources) -> None:
    closure = read(at(author, sources, FILES), "apps/web/web.yaml")
    at(author, sources, {"other/readme.md": "hello\n"})

    assert closure.holds(at(author, sources, FILES))


def test_a_closure_of_nothing_holds_everywhere(author: Author, sources: Sources) -> None:
    assert Closure(frozenset()).holds(at(author, sources, {"readme.md": "hello\n"}))
