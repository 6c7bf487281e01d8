from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.remote_base import BASES, FOLDER, RemoteBase
from gitops_agent.revision.tree import Closure, EntryType, Tree
from gitops_agent.source.sources import Ref, Sources
from tests.source.author import Author

pytestmark = pytest.mark.slow


class Bases:
    """Bases that are there, and what was looked for."""

    def __init__(self) -> None:
        self.trees: dict[RemoteBase, Tree] = {}
        self.missing: list[RemoteBase] = []

    def tree(self, base: RemoteBase) -> Tree | None:
        if base not in self.trees:
            self.missing.append(base)
        return self.trees.get(base)


@pytest.fixture
def bases() -> Bases:
    return Bases()


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    opened = Sources(tmp_path / "cache", allow_file=True)
    yield opened
    opened.close()


def commit(sources: Sources, folder: Path, files: dict[str, str | bytes], links: dict[str, str] | None = None) -> Tree:
    author = Author(folder)
    oid = author.commit(files, links=links)
    sources.poll(author.repository, frozenset({Ref(kind="branch", value="main")}))
    return sources.tree(author.repository, oid)


@pytest.fixture
def base(tmp_path: Path, sources: Sources, bases: Bases) -> RemoteBase:
    files: dict[str, str | bytes] = {"web/a.yaml": "a", "web/sub/b.yaml": "bb", "top.yaml": "t"}
    links = {"web/link.yaml": "../top.yaml", "web/out.yaml": "../../x"}
    tree = commit(sources, tmp_path / "base.git", files, links)
    result = RemoteBase("https://example.com/base", tree.commit)
    bases.trees[result] = tree
    return result


@pytest.fixture
def tree(tmp_path: Path, sources: Sources, bases: Bases) -> PinnedTree[RemoteBase]:
    return PinnedTree(commit(sources, tmp_path / "own.git", {"app/x.yaml": "x", "y.yaml": "y"}), BASES, bases)


def test_a_base_is_shown_below_its_path(tree: PinnedTree[RemoteBase], base: RemoteBase) -> None:
    entry = tree.entry(f"{base.path}/web/a.yaml")

    assert entry is not None
    assert (entry.path, entry.type) == (f"{base.path}/web/a.yaml", EntryType.FILE)
    assert tree.read(f"{base.path}/web/a.yaml", limit=10) == b"a"
    assert [child.path for child in tree.children(f"{base.path}/web")] == [
        f"{base.path}/web/{name}" for name in ("a.yaml", "link.yaml", "out.yaml", "sub")
    ]
    assert f"{base.path}/web/sub/b.yaml" in [child.path for child in tree.walk(base.path)]


def test_listings_of_the_commit_stay_as_they_are(tree: PinnedTree[RemoteBase], base: RemoteBase) -> None:
    assert [child.path for child in tree.children("")] == ["app", "y.yaml"]
    assert [entry.path for entry in tree.walk("")] == ["app/x.yaml", "y.yaml"]
    folder = tree.entry(FOLDER)
    assert folder is not None
    assert folder.type is EntryType.DIRECTORY


def test_links_stay_inside_the_base(tree: PinnedTree[RemoteBase], base: RemoteBase) -> None:
    target = tree.resolve(f"{base.path}/web/link.yaml")

    assert target is not None
    assert target.path == f"{base.path}/top.yaml"
    with pytest.raises(SourceError) as caught:
        tree.resolve(f"{base.path}/web/out.yaml")
    assert caught.value.reason == "PathEscapes"


def test_files_of_several_repositories_are_read_within_one_limit(tree: PinnedTree[RemoteBase], base: RemoteBase) -> None:
    paths = ["y.yaml", f"{base.path}/web/sub", f"{base.path}/top.yaml"]

    files = {entry.path: data for entry, data in tree.files(paths, limit=4)}
    assert files == {"y.yaml": b"y", f"{base.path}/web/sub/b.yaml": b"bb", f"{base.path}/top.yaml": b"t"}
    with pytest.raises(SourceError):
        list(tree.files(paths, limit=3))


def test_what_is_not_there_is_absent_and_noted(tree: PinnedTree[RemoteBase], bases: Bases) -> None:
    other = RemoteBase("https://example.com/other", "f" * 40)

    assert tree.entry(other.path) is None
    assert tree.resolve(f"{other.path}/a") is None
    assert tree.children(other.path) == ()
    assert list(tree.walk(other.path)) == []
    assert set(bases.missing) == {other}
    with pytest.raises(SourceError):
        tree.read(f"{other.path}/a", limit=1)
    with pytest.raises(SourceError):
        list(tree.files([f"{other.path}/a"], limit=1))


def test_a_closure_holds_while_the_base_is_there(tree: PinnedTree[RemoteBase], base: RemoteBase, bases: Bases) -> None:
    entry = tree.entry(f"{base.path}/web/a.yaml")
    assert entry is not None
    closure = Closure(frozenset({(entry.path, entry.oid)}))

    assert closure.holds(tree)
    bases.trees.clear()
    assert not closure.holds(tree)
