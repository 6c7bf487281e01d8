from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Entry, EntryType
from gitops_agent.source.tree_index import Index
from tests.source.author import Author

_names = st.text("ab-.0/", min_size=1, max_size=8).filter(lambda text: all(text.split("/")))


def _index(paths: set[str]) -> tuple[Index, set[str]]:
    """An index of files, with the directories above them."""
    directories = {path[:position] for path in paths for position, character in enumerate(path) if character == "/"}
    files = paths - directories
    entries = {path: Entry(path=path, type=EntryType.FILE, oid="f") for path in files}
    entries |= {path: Entry(path=path, type=EntryType.DIRECTORY, oid="d") for path in directories}
    return Index(entries), files | directories


@given(st.sets(_names, max_size=20))
def test_children_are_what_stands_directly_below(paths: set[str]) -> None:
    index, all_of_them = _index(paths)
    for directory in {"", *all_of_them}:
        prefix = f"{directory}/" if directory else ""
        expected = {path for path in all_of_them if path.startswith(prefix) and "/" not in path[len(prefix) :]}
        children = [entry.path for entry in index.children(directory)]

        assert sorted(expected) == children


@given(st.sets(_names, max_size=20))
def test_walking_finds_everything_below_once_and_in_order(paths: set[str]) -> None:
    index, all_of_them = _index(paths)
    for directory in {"", *all_of_them}:
        prefix = f"{directory}/" if directory else ""
        assert [entry.path for entry in index.walk(directory)] == sorted(
            path for path in all_of_them if path.startswith(prefix)
        )


def test_every_kind_of_entry_is_read_with_its_size(author: Author) -> None:
    blob, module = author.blob("#!/bin/sh\n"), author.commit({"a": "1"}, branch="other")
    tree = author.tree(
        {
            "dir": ("40000", author.files({"inner\nline": "12345"})),
            "link": ("120000", author.blob("dir")),
            "module": ("160000", module),
            "run": ("100755", blob),
            "old": ("100664", blob),
        }
    )
    index = Index.load(author.directory, author.commit(tree))

    def told(path: str) -> tuple[EntryType, int, bool]:
        entry = index.get(path)
        assert entry is not None
        return entry.type, entry.size, entry.executable

    assert told("dir") == (EntryType.DIRECTORY, 0, False)
    assert told("dir/inner\nline") == (EntryType.FILE, 5, False)
    assert told("link") == (EntryType.LINK, 3, False)
    assert told("module") == (EntryType.SUBMODULE, 0, False)
    assert told("run") == (EntryType.FILE, 10, True)
    assert told("old") == (EntryType.FILE, 10, False)
    assert len(index) == 6


def test_a_commit_that_is_not_there_is_reported(author: Author) -> None:
    with pytest.raises(SourceError) as caught:
        Index.load(author.directory, "0" * 40)
    assert caught.value.transient


def test_a_bomb_of_directories_is_stopped(author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few objects that unfold into ten to the tenth files."""
    from gitops_agent.process import Limits

    monkeypatch.setattr("gitops_agent.source.tree_index._LIMITS", Limits(seconds=20, output_bytes=1_000_000))
    inner = author.files({str(number): "bomb" for number in range(10)})
    for _ in range(9):
        inner = author.tree({str(number): ("40000", inner) for number in range(10)})

    with pytest.raises(SourceError, match="too many files") as caught:
        Index.load(author.directory, author.commit(inner))
    assert not caught.value.transient


def test_what_two_commits_have_in_common_is_held_once(author: Author) -> None:
    first = author.commit({"same.yaml": "a: 1\n", "other.yaml": "a: 1\n"})
    second = author.commit({"same.yaml": "a: 1\n", "other.yaml": "a: 2\n"})
    before = Index.load(author.directory, first)

    after = Index.load(author.directory, second, like=before)

    assert after.get("same.yaml") is before.get("same.yaml")
    assert after.get("other.yaml") != before.get("other.yaml")
