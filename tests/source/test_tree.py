from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Closure, EntryType, Tree
from gitops_agent.source.sources import Sources
from tests.source.author import Author
from tests.source.conftest import MAIN

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 12345\n"


def _tree(sources: Sources, author: Author) -> Tree:
    return sources.tree(author.repository, sources.poll(author.repository, frozenset({MAIN})).tips[MAIN])


@pytest.fixture
def linked(sources: Sources, author: Author) -> Tree:
    author.commit(
        {"base/a.yaml": "a: 1\n", "base/deep/b.yaml": "b: 1\n", "overlay/c.yaml": "c: 1\n", "top": "top"},
        links={
            "overlay/file": "../base/a.yaml",
            "overlay/folder": "../base",
            "overlay/chain": "file",
            "overlay/through": "folder/deep/../a.yaml",
            "overlay/dotted": "./../overlay/./c.yaml",
            "broken": "nowhere",
            "broken-folder": "nowhere/else",
            "into-file": "top/x",
            "escape": "../outside",
            "escape-late": "base/../../outside",
            "absolute": "/etc/passwd",
            "loop-a": "loop-b",
            "loop-b": "loop-a",
            "self": "self",
            "self-folder": "self-folder/x",
            "empty": "",
            "root": ".",
            "long": "base/" * 1000,
        },
    )
    return _tree(sources, author)


def test_entries_are_reported_without_following_the_last_link(linked: Tree) -> None:
    def kind(path: str) -> EntryType | None:
        entry = linked.entry(path)
        return entry.type if entry else None

    assert kind("") is EntryType.DIRECTORY
    assert kind("base") is kind("./base/") is EntryType.DIRECTORY
    assert kind("base/a.yaml") is kind("overlay/folder/a.yaml") is EntryType.FILE
    assert kind("overlay/folder") is kind("escape") is kind("broken") is EntryType.LINK
    assert kind("nothing") is kind("base/nothing") is kind("top/x") is kind("broken/x") is None


def test_links_inside_the_tree_are_followed(linked: Tree) -> None:
    for path in ("overlay/file", "overlay/chain", "overlay/through", "overlay/folder/a.yaml", "root/overlay/file"):
        entry = linked.resolve(path)
        assert entry is not None
        assert entry.path == "base/a.yaml"
        assert linked.read(path, limit=100) == b"a: 1\n"
    assert linked.read("overlay/dotted", limit=100) == b"c: 1\n"
    assert [entry.path for entry in linked.children("overlay/folder")] == ["base/a.yaml", "base/deep"]
    assert linked.resolve("nothing") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("broken", "PathNotFound"),
        ("broken-folder", "PathNotFound"),
        ("into-file", "PathNotFound"),
        ("escape", "PathEscapes"),
        ("escape-late", "PathEscapes"),
        ("absolute", "PathEscapes"),
        ("loop-a", "PathEscapes"),
        ("self", "PathEscapes"),
        ("self-folder", "PathEscapes"),
        ("empty", "PathEscapes"),
        ("escape/x", "PathEscapes"),
        ("loop-a/x", "PathEscapes"),
    ],
)
def test_a_link_that_leads_nowhere_good_is_named(linked: Tree, path: str, reason: str) -> None:
    for method in (linked.resolve, lambda name: linked.read(name, limit=100)):
        with pytest.raises(SourceError) as caught:
            method(path)
        assert caught.value.reason == reason
        assert caught.value.facts["path"].partition("/")[0] in {path.partition("/")[0], "loop-b"}


def test_a_link_longer_than_any_path_is_refused(linked: Tree) -> None:
    with pytest.raises(SourceError):
        linked.resolve("long")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "base/../../x"])
def test_a_path_out_of_the_tree_is_refused_by_every_method(linked: Tree, path: str) -> None:
    for method in (linked.entry, linked.resolve, linked.children, lambda name: list(linked.walk(name))):
        with pytest.raises(SourceError) as caught:
            method(path)
        assert caught.value.reason == "PathEscapes"


def test_walking_gives_files_and_links_but_no_directories(linked: Tree) -> None:
    assert [entry.path for entry in linked.walk("base")] == ["base/a.yaml", "base/deep/b.yaml"]
    assert [entry.path for entry in linked.walk("overlay/folder/deep")] == ["base/deep/b.yaml"]
    assert "overlay/folder" in [entry.path for entry in linked.walk("")]
    assert list(linked.walk("nothing")) == list(linked.walk("top")) == []


@pytest.mark.slow
def test_files_over_the_limit_are_refused_before_they_are_read(sources: Sources, author: Author) -> None:
    author.commit({"big": b"x" * 50_000_000, "exact": b"x" * 10})
    tree = _tree(sources, author)

    with pytest.raises(SourceError, match="50000000 bytes") as caught:
        tree.read("big", limit=10_000_000)
    assert caught.value.reason == "FileTooLarge"
    assert tree.read("exact", limit=10) == b"x" * 10
    with pytest.raises(SourceError):
        tree.read("exact", limit=9)


def test_missing_files_and_directories_are_no_content(linked: Tree) -> None:
    for path in ("nothing", "base", ""):
        with pytest.raises(SourceError) as caught:
            linked.read(path, limit=10)
        assert caught.value.reason == "PathNotFound"


def test_lfs_pointers_are_refused_and_texts_about_them_are_not(sources: Sources, author: Author) -> None:
    author.commit({"pointer.yaml": POINTER, "about.md": f"An LFS pointer reads:\n{POINTER}", "long": POINTER + "x" * 2000})
    tree = _tree(sources, author)

    with pytest.raises(SourceError, match=r"pointer\.yaml") as caught:
        tree.read("pointer.yaml", limit=10_000)
    assert caught.value.reason == "LFSRefused"
    assert tree.read("about.md", limit=10_000).startswith(b"An LFS")
    assert len(tree.read("long", limit=10_000)) > 2000


def test_submodules_are_refused_where_they_are_met_and_nowhere_else(sources: Sources, author: Author) -> None:
    module = author.commit({"x": "1"}, branch="other")
    author.commit(
        author.tree(
            {
                "module": ("160000", module),
                "a.yaml": ("100644", author.blob("a: 1")),
                "link": ("120000", author.blob("module/x")),
            }
        )
    )
    tree = _tree(sources, author)

    assert tree.read("a.yaml", limit=10) == b"a: 1"
    assert [entry.path for entry in tree.walk("")] == ["a.yaml", "link", "module"]
    for path in ("module", "module/x", "link"):
        with pytest.raises(SourceError, match="submodule") as caught:
            tree.read(path, limit=10)
        assert caught.value.reason == "SubmodulesRefused"
    with pytest.raises(SourceError):
        tree.entry("module/x")


def test_a_closure_holds_until_something_in_it_changes(sources: Sources, author: Author) -> None:
    author.commit({"app/a": "1", "app/b": "1", "other/c": "1"})
    tree = _tree(sources, author)
    closure = Closure(
        frozenset((path, entry.oid if (entry := tree.entry(path)) else None) for path in ("app/a", "app", "app/none", ""))
    )
    narrow = Closure(frozenset(pair for pair in closure.entries if pair[0]))
    assert closure.holds(tree)

    author.commit({"app/a": "1", "app/b": "1", "other/c": "2"})
    elsewhere = _tree(sources, author)
    assert narrow.holds(elsewhere)
    assert not closure.holds(elsewhere)

    author.commit({"app/a": "1", "app/b": "1", "app/none": "now", "other/c": "2"})
    assert not narrow.holds(_tree(sources, author))


def test_names_git_allows_are_read_as_they_are(sources: Sources, author: Author) -> None:
    names = [
        "ä.yaml",
        "with space",
        "quote\"'",
        "tab\there",
        "line\nbreak",
        "back\\slash",
        "CASE",
        "case",
        "-dash",
        "*",
        "x" * 250,
    ]
    author.commit(dict.fromkeys(names, "here"))
    tree = _tree(sources, author)

    for name in names:
        assert tree.read(name, limit=10) == b"here"


def test_errors_about_hostile_names_are_one_printable_line(sources: Sources, author: Author) -> None:
    author.commit({"a": "1"}, links={"evil\n\x1b[2J": "/etc"})
    tree = _tree(sources, author)

    with pytest.raises(SourceError) as caught:
        tree.read("evil\n\x1b[2J", limit=10)
    assert str(caught.value).isprintable()


def test_links_of_a_tree_are_followed_for_so_many_steps_only(sources: Sources, author: Author) -> None:
    long_way = "base/../" * 500 + "base"
    links = {f"l{number}": long_way if number == 0 else f"./l{number - 1}" for number in range(30)}
    author.commit({"base/a.yaml": "a: 1\n"}, links=links)
    tree = _tree(sources, author)

    def follow_all() -> None:
        for _ in range(2_000):
            tree.resolve("l29/a.yaml")

    with pytest.raises(SourceError, match="too many links") as caught:
        follow_all()

    assert caught.value.reason == "PathEscapes"
