from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.checkout import write
from gitops_agent.revision.tree import Entry, EntryType, Tree
from tests.render.samples import put


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def folder(repository: Path) -> Path:
    put(repository, {"a.txt": "a\n", "sub/b.txt": "b\n", "sub/deep/c.sh": "#!/bin/sh\n", "sub-x/d": "", "sub.d/e": "e"})
    (repository / "sub" / "deep" / "c.sh").chmod(0o755)
    (repository / "link").symlink_to("sub/b.txt")
    (repository / "empty").mkdir()
    return repository


def test_ids_are_those_of_git(folder: Path) -> None:
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    tree = WorkTree(folder)
    for row in git(folder, "ls-tree", "-r", "-t", "HEAD").splitlines():
        about, path = row.split("\t")
        entry = tree.entry(path)
        assert entry is not None
        assert entry.oid == about.split()[2], path
    root = tree.entry("")
    assert root is not None
    assert root.oid == git(folder, "rev-parse", "HEAD^{tree}").strip()


def test_it_is_a_tree(folder: Path) -> None:
    tree: Tree = WorkTree(folder)
    assert tree.commit == "worktree"


def test_entries_are_found_with_and_without_links(folder: Path) -> None:
    tree = WorkTree(folder)
    link, target, gone = tree.entry("link"), tree.resolve("link"), tree.entry("gone/deeper")
    assert link is not None
    assert link.type is EntryType.LINK
    assert target is not None
    assert (target.path, target.type) == ("sub/b.txt", EntryType.FILE)
    assert gone is None
    assert tree.resolve("a.txt/deeper") is None
    assert tree.read("link", limit=10) == b"b\n"


def test_walking_gives_files_and_links_by_path(folder: Path) -> None:
    git(folder, "init", "-q")
    walked = [entry.path for entry in WorkTree(folder).walk("")]
    assert sorted(walked) == ["a.txt", "link", "sub-x/d", "sub.d/e", "sub/b.txt", "sub/deep/c.sh"]
    assert [entry.path for entry in WorkTree(folder).children("sub")] == ["sub/b.txt", "sub/deep"]
    assert WorkTree(folder).children("a.txt") == ()


@pytest.mark.parametrize("path", ["..", "../x", "/etc", "a/../../x", "x\0"])
def test_a_path_out_of_the_folder_is_refused(folder: Path, path: str) -> None:
    with pytest.raises(SourceError) as caught:
        WorkTree(folder).entry(path)
    assert caught.value.reason == "PathEscapes"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/passwd", "PathEscapes"),
        ("../x", "PathEscapes"),
        ("gone", "LinkBroken"),
        ("me", "LinkBroken"),
        ("sub/../../x", "PathEscapes"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(folder: Path, target: str, reason: str) -> None:
    (folder / "me").symlink_to(target)
    with pytest.raises(SourceError) as caught:
        WorkTree(folder).resolve("me")
    assert caught.value.reason == reason


def test_links_may_climb_inside_the_folder(folder: Path) -> None:
    (folder / "sub" / "deep" / "up").symlink_to("../../a.txt")
    (folder / "chain").symlink_to("sub/deep/up")
    resolved = WorkTree(folder).resolve("chain")
    assert resolved is not None
    assert resolved.path == "a.txt"


def test_files_are_copied_with_their_mode(folder: Path, tmp_path: Path) -> None:
    write(WorkTree(folder).files(["sub", "link"], limit=1000), tmp_path / "copy")
    assert (tmp_path / "copy" / "sub" / "deep" / "c.sh").stat().st_mode & 0o100
    assert not (tmp_path / "copy" / "link").is_symlink()
    assert (tmp_path / "copy" / "link").read_text() == "b\n"
    with pytest.raises(SourceError) as caught:
        write(WorkTree(folder).files(["sub"], limit=5), tmp_path / "again")
    assert caught.value.reason == "FileTooLarge"


def test_a_large_file_is_refused_unread(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(50 * 1024 * 1024 * 1024)
    with pytest.raises(SourceError) as caught:
        WorkTree(folder).read("large", limit=1024)
    assert caught.value.reason == "FileTooLarge"


def test_the_repository_around_a_folder_is_found(folder: Path) -> None:
    tree, path = WorkTree.around(folder / "sub" / "deep")
    assert path == ""
    git(folder, "init", "-q")
    tree, path = WorkTree.around(folder / "sub" / "deep")
    assert path == "sub/deep"
    assert isinstance(tree.entry("a.txt"), Entry)
    assert WorkTree.around(folder)[1] == ""
    assert WorkTree.around(folder / "a.txt")[1] == "a.txt"
