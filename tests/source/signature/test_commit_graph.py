from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.commit_graph import CommitGraph, absent
from gitops_agent.source.sources import Ref, Sources
from tests.source.author import Author

pytestmark = pytest.mark.slow


@pytest.fixture
def graph(author: Author, sources: Sources) -> CommitGraph:
    author.commit({"a": "1\n"})
    return sources.graph(author.repository)


def fetch(author: Author, sources: Sources) -> None:
    sources.poll(author.repository, frozenset({Ref(kind="branch", value="main")}))


def test_descent_is_that_of_git(graph: CommitGraph, author: Author, sources: Sources) -> None:
    first = author.git("rev-parse", "main")
    second = author.commit({"a": "2\n"})
    side = author.commit({"a": "1\n", "b": "1\n"}, branch="side", parent=first)
    merge = author.git("commit-tree", author.files({"a": "2\n", "b": "1\n"}), "-p", second, "-p", side)
    author.git("update-ref", "refs/heads/main", merge)
    fetch(author, sources)

    assert graph.descends(merge, side)
    assert graph.descends(first, first)
    assert not graph.descends(second, side)
    assert graph.mainline(first, merge) == (second, merge)
    assert graph.brought(merge, second, "") == (side,)
    assert graph.brought(merge, second, side) == ()
    assert graph.base(second, side) == first
    assert set(graph.between(first, merge)) == {second, side, merge}
    assert graph.merged(second, side) == graph.tree(merge)
    assert graph.paths(merge) == ("b",)
    assert graph.describe(merge).commit == merge


def test_a_conflict_has_no_tree(graph: CommitGraph, author: Author, sources: Sources) -> None:
    first = author.git("rev-parse", "main")
    other = author.commit({"a": "3\n"}, branch="side", parent=first)
    second = author.commit({"a": "2\n"})
    author.git("update-ref", "refs/heads/main", author.git("commit-tree", f"{second}^{{tree}}", "-p", second, "-p", other))
    fetch(author, sources)

    assert graph.merged(second, other) == ""


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ({"a": "1\n2\n"}, "a (+1 line)"),
        ({"a": ""}, "a (-1 line)"),
        ({"a": "2\n3\n", "b": "1\n"}, "a (+2/-1 lines) and 1 more"),
        ({"a": b"\0"}, "a (binary)"),
        ({"a": "1\n"}, "nothing"),
    ],
)
def test_a_difference_is_one_file_with_its_lines(
    graph: CommitGraph, author: Author, sources: Sources, after: dict[str, str | bytes], text: str
) -> None:
    before = author.git("rev-parse", "main^{tree}")
    changed = author.commit(after)
    fetch(author, sources)

    assert graph.difference(before, graph.tree(changed)) == text


def test_a_commit_that_is_not_there_is_absent(graph: CommitGraph, author: Author, sources: Sources) -> None:
    fetch(author, sources)

    assert not graph.has("0" * 40)
    with pytest.raises(SourceError) as refusal:
        graph.commit("0" * 40)
    assert absent(refusal.value)
