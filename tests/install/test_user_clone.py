"""Clones made by the user's own Git, with its settings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError, UsageError
from gitops_agent.install.user_clone import UserClone
from gitops_agent.source.repository import Repository

pytestmark = pytest.mark.slow


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user of whom Git knows the name."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.com\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME", "GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    bare = tmp_path / "config.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    return bare


def clone(bare: Path, name: str = "clone", branch: str = "main") -> UserClone:
    return UserClone.made(Repository(url=f"file://{bare}"), branch, bare.parent / name)


def changed(made: UserClone, text: str = "a: 1\n") -> bool:
    (made.root / "file.yaml").write_text(text)
    return made.committed(["file.yaml"], "Change the file")


def test_an_empty_repository_gets_its_first_commit_in_the_name_of_the_user(bare: Path) -> None:
    made = clone(bare)
    assert made.commit == ""

    assert changed(made)
    made.push(dry_run=False)

    assert git(bare, "log", "-1", "--format=%an <%ae> %s", "main") == "Ada <ada@example.com> Change the file"
    assert clone(bare, "again").commit == made.commit == git(bare, "rev-parse", "main")


def test_what_is_committed_already_is_no_commit(bare: Path) -> None:
    made = clone(bare)

    assert (changed(made), changed(made)) == (True, False)


def test_a_dry_run_pushes_nothing(bare: Path) -> None:
    made = clone(bare)
    changed(made)

    made.push(dry_run=True)

    assert git(bare, "for-each-ref") == ""


def test_a_missing_branch_is_an_error_with_the_branches_there_are(bare: Path) -> None:
    made = clone(bare)
    changed(made)
    made.push(dry_run=False)

    with pytest.raises(SourceError, match="has no branch production; did you mean main"):
        clone(bare, "again", branch="production")


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such repository"):
        clone(tmp_path / "nowhere.git")


def test_a_push_that_is_refused_is_found_by_the_dry_run(bare: Path) -> None:
    first, second = clone(bare, "first"), clone(bare, "second")
    changed(first)
    first.push(dry_run=False)
    changed(second, "a: 2\n")

    with pytest.raises(SourceError, match=r"cannot be pushed with your Git credentials: .*nothing was changed in the cluster"):
        second.push(dry_run=True)


def test_a_user_without_a_name_is_told_what_git_says(bare: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")

    with pytest.raises(UsageError, match=r"git refuses the commit: .*user\.(name|email)"):
        changed(clone(bare))


def test_a_folder_that_is_no_clone_is_refused(tmp_path: Path, bare: Path) -> None:
    (tmp_path / "plain").mkdir()
    repository = Repository(url=f"file://{bare}")

    for folder in (tmp_path / "plain", tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="it is not a clone of a Git repository"):
            UserClone.around(folder, repository, "main")


def test_a_clone_on_another_branch_is_refused(bare: Path) -> None:
    made = clone(bare)
    changed(made)
    git(made.root, "checkout", "--quiet", "-b", "topic")

    with pytest.raises(UsageError, match="it is on topic: check out main"):
        UserClone.around(made.root, made.repository, "main")
    assert UserClone.around(made.root, made.repository, "topic").root == made.root.resolve()
