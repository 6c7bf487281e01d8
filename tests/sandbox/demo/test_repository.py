from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gitops_agent.errors import ProcessError, UsageError
from gitops_agent.sandbox.demo.repository import PLACEHOLDER, DemoRepository


def git(repository: DemoRepository, *words: str) -> str:
    return subprocess.run(
        ["git", f"--git-dir={repository.bare}", *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def example(tmp_path: Path) -> Path:
    folder = tmp_path / "example"
    (folder / "apps").mkdir(parents=True)
    (folder / "apps" / "app.yaml").write_text(f"repoURL: {PLACEHOLDER}\ntag: '1'\n")
    (folder / "apps" / "page-a.yaml").write_text("a: 1\n")
    (folder / "apps" / "page-b.yaml").write_text("b: 1\n")
    return folder


@pytest.fixture
def repository(tmp_path: Path, example: Path) -> DemoRepository:
    directory = tmp_path / "demo"
    directory.mkdir()
    return DemoRepository(directory, example)


def test_the_first_commit_is_the_example_and_points_at_itself(repository: DemoRepository, example: Path) -> None:
    assert git(repository, "show", "main:apps/app.yaml") == f"repoURL: {repository.url}\ntag: '1'"
    assert PLACEHOLDER in (example / "apps" / "app.yaml").read_text()


def test_a_commit_arrives_where_the_agent_reads(repository: DemoRepository) -> None:
    repository.edit("apps/app.yaml", lambda text: text.replace("'1'", "'2'"))
    commit = repository.commit("Release 2")

    assert git(repository, "rev-parse", "main") == commit == repository.head()
    assert git(repository, "log", "-1", "--format=%an|%s", "main") == "Ada Developer|Release 2"


def test_an_edit_that_changes_nothing_is_an_error_and_not_a_story_without_point(repository: DemoRepository) -> None:
    with pytest.raises(UsageError, match=r"nothing to edit in apps/app\.yaml"):
        repository.edit("apps/app.yaml", lambda text: text.replace("'9'", "'2'"))


def test_a_commit_without_a_change_fails(repository: DemoRepository) -> None:
    with pytest.raises(ProcessError):
        repository.commit("Nothing")


def test_removed_files_are_counted_and_gone_with_the_next_commit(repository: DemoRepository) -> None:
    assert repository.remove("apps/page-*.yaml") == 2
    repository.commit("Tidy up")

    assert git(repository, "ls-tree", "--name-only", "-r", "main") == "apps/app.yaml"


def test_settings_of_the_user_do_not_matter(tmp_path: Path, example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[user]\n\tname = Somebody\n\tsigningkey = none\n")
    monkeypatch.setenv("HOME", str(home))
    directory = tmp_path / "demo"
    directory.mkdir()

    repository = DemoRepository(directory, example)

    assert git(repository, "log", "-1", "--format=%an", "main") == "Ada Developer"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed here: it makes the key")
def test_a_commit_is_signed_with_the_key_that_is_given(repository: DemoRepository, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    repository.edit("apps/app.yaml", lambda text: text.replace("'1'", "'2'"))
    repository.commit("Signed", key=key)
    signed = git(repository, "cat-file", "commit", "main")
    repository.edit("apps/app.yaml", lambda text: text.replace("'2'", "'3'"))
    repository.commit("Not signed")

    assert "-----BEGIN SSH SIGNATURE-----" in signed
    assert "SIGNATURE" not in git(repository, "cat-file", "commit", "main")
