from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.revision.checkout import write
from gitops_agent.revision.tree import Tree
from gitops_agent.source import git
from gitops_agent.source.sources import Sources
from tests.source.author import Author
from tests.source.conftest import MAIN


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disables git's own checks of names, to test ours."""
    monkeypatch.setattr(git, "_CONFIG", (*git._CONFIG, "fetch.fsckObjects=false", "transfer.fsckObjects=false"))


def _tree(sources: Sources, author: Author) -> Tree:
    return sources.tree(author.repository, sources.poll(author.repository, frozenset({MAIN})).tips[MAIN])


def _files(directory: Path) -> dict[str, bytes]:
    assert not any(path.is_symlink() for path in directory.rglob("*"))
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_only_what_is_named_is_written_at_its_own_path(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit({"app/a": "1", "app/deep/b": "2", "other/c": "3", "top": "4"})

    write(_tree(sources, author).files(["app/deep", "top", "./app/a"], limit=100), tmp_path / "out")

    assert _files(tmp_path / "out") == {"app/deep/b": b"2", "app/a": b"1", "top": b"4"}


def test_the_root_is_everything(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit({"app/a": "1", "top": "4"})

    write(_tree(sources, author).files([""], limit=100), tmp_path / "out")

    assert _files(tmp_path / "out") == {"app/a": b"1", "top": b"4"}


def test_links_become_copies(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit(
        {"base/a": "1", "base/deep/b": "2"},
        links={"app/file": "../base/a", "app/folder": "../base", "app/twice": "folder/deep"},
    )

    write(_tree(sources, author).files(["app"], limit=100), tmp_path / "out")

    assert _files(tmp_path / "out") == {
        "app/file": b"1",
        "app/folder/a": b"1",
        "app/folder/deep/b": b"2",
        "app/twice/b": b"2",
    }


def test_content_is_written_as_committed_with_no_filter_applied(sources: Sources, author: Author, tmp_path: Path) -> None:
    content = os.urandom(1000) + b"\r\n$Id$\n"
    tree = author.tree(
        {
            ".gitattributes": ("100644", author.blob("* text eol=lf ident filter=evil\n")),
            "a": ("100644", author.blob(content)),
            "run": ("100755", author.blob("#!/bin/sh\n")),
        }
    )
    author.commit(tree)

    write(_tree(sources, author).files(["a", "run"], limit=10_000), tmp_path / "out")

    assert (tmp_path / "out" / "a").read_bytes() == content
    assert os.access(tmp_path / "out" / "run", os.X_OK)
    assert not os.access(tmp_path / "out" / "a", os.X_OK)


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        ({"app/x": "/etc/passwd"}, "PathEscapes"),
        ({"app/x": "../../outside"}, "PathEscapes"),
        ({"app/x": "nowhere"}, "PathNotFound"),
        ({"app/x": "y", "app/y": "x"}, "PathEscapes"),
        ({"app/x": "."}, "PathEscapes"),
        ({"app/x": "../app"}, "PathEscapes"),
        ({"app/x": ".."}, "PathEscapes"),
        ({"app/x": "../other", "other/y": "../app"}, "PathEscapes"),
    ],
)
def test_links_that_lead_nowhere_good_stop_it_before_anything_is_written(
    sources: Sources, author: Author, tmp_path: Path, links: dict[str, str], reason: str
) -> None:
    author.commit({"app/a": "1", "other/b": "1"}, links=links)

    with pytest.raises(SourceError) as caught:
        write(_tree(sources, author).files(["app"], limit=100), tmp_path / "out")

    assert caught.value.reason == reason
    assert not (tmp_path / "out").exists()


def test_a_bomb_of_links_is_stopped(sources: Sources, author: Author, tmp_path: Path) -> None:
    """Thirty directories of links: a thousand million copies of one file.

    Each has two links to the next one.
    """
    links = {f"d{number}/{side}": f"../d{number + 1}" for number in range(30) for side in ("left", "right")}
    author.commit({"d30/file": "x"}, links=links)

    with pytest.raises(SourceError, match="more than") as caught:
        write(_tree(sources, author).files(["d0"], limit=10_000_000), tmp_path / "out")

    assert caught.value.reason == "FileTooLarge"
    assert not (tmp_path / "out").exists()


def test_the_bytes_of_all_files_together_are_limited(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit({f"app/{number}": b"x" * 100 for number in range(11)})
    tree = _tree(sources, author)

    with pytest.raises(SourceError, match="1000 bytes") as caught:
        write(tree.files(["app"], limit=1000), tmp_path / "out")
    assert caught.value.reason == "FileTooLarge"
    assert not (tmp_path / "out").exists()
    write(tree.files(["app"], limit=1100), tmp_path / "out")


@pytest.mark.parametrize(
    "name", ["..", ".", ".git", ".GIT", "back\\slash", "..\\..\\x", "new\nline", "esc\x1b", "del\x7f", "x" * 256, "\u202e"]
)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
@pytest.mark.usefixtures("unchecked")
def test_hostile_names_are_never_written(sources: Sources, author: Author, tmp_path: Path, name: str, kind: str) -> None:
    entry = {
        "file": ("100644", author.blob("evil")),
        "folder": ("40000", author.files({"config": "evil"})),
        "link": ("120000", author.blob("a")),
    }[kind]
    author.commit(author.tree({"app": ("40000", author.tree({name: entry, "a": ("100644", author.blob("good"))}))}))
    tree = _tree(sources, author)
    before = set(tmp_path.rglob("*"))

    with pytest.raises(SourceError) as caught:
        write(tree.files(["app"], limit=100), tmp_path / "deep" / "out")

    assert caught.value.reason == "PathEscapes"
    assert str(caught.value).isprintable()
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("unchecked")
def test_a_name_with_a_slash_in_one_entry_does_not_leave_the_directory(
    sources: Sources, author: Author, tmp_path: Path
) -> None:
    evil = author.tree({"../../evil": ("100644", author.blob("evil")), "/abs": ("100644", author.blob("evil"))})
    author.commit(author.tree({"app": ("40000", evil)}))

    write(_tree(sources, author).files(["app"], limit=100), tmp_path / "deep" / "out")

    assert [path for path in (tmp_path / "deep").rglob("*") if path.is_file()] == []
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.usefixtures("unchecked")
def test_a_file_and_a_folder_of_one_name_do_not_leave_the_directory(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit(
        author.tree(
            {"a": ("120000", author.blob("/etc")), "a/b": ("100644", author.blob("evil")), "c": ("100644", author.blob("1"))}
        )
    )

    with pytest.raises(SourceError):
        write(_tree(sources, author).files([""], limit=100), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_that_differ_in_case_only_are_two_files(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit({"app/Name": "1", "app/name": "2"})

    write(_tree(sources, author).files(["app"], limit=100), tmp_path / "out")

    assert _files(tmp_path / "out") == {"app/Name": b"1", "app/name": b"2"}


def test_submodules_and_lfs_pointers_are_refused(sources: Sources, author: Author, tmp_path: Path) -> None:
    module = author.commit({"x": "1"}, branch="other")
    pointer = author.blob("version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 1\n")
    author.commit(
        author.tree(
            {
                "one": ("40000", author.tree({"module": ("160000", module)})),
                "two": ("40000", author.tree({"file": ("100644", pointer)})),
                "three": ("100644", author.blob("fine")),
            }
        )
    )
    tree = _tree(sources, author)

    for path, reason in (("one", "SubmodulesRefused"), ("two", "LFSRefused"), ("nothing", "PathNotFound")):
        with pytest.raises(SourceError) as caught:
            write(tree.files([path], limit=1000), tmp_path / path)
        assert caught.value.reason == reason
    write(tree.files(["three"], limit=1000), tmp_path / "out")


def test_a_planted_link_is_not_written_through(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit({"app/a": "1"})
    tree = _tree(sources, author)
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "app").symlink_to(outside)
    (tmp_path / "two" / "app").mkdir(parents=True)
    (tmp_path / "two" / "app" / "a").symlink_to(outside / "a")

    for place in ("one", "two"):
        with pytest.raises(SourceError):
            write(tree.files(["app"], limit=100), tmp_path / place)
    assert list(outside.iterdir()) == []


def test_the_longest_name_of_a_file_system_is_written(sources: Sources, author: Author, tmp_path: Path) -> None:
    author.commit({"a" * 255: "1"})

    write(_tree(sources, author).files([""], limit=100), tmp_path / "out")

    assert _files(tmp_path / "out") == {"a" * 255: b"1"}
