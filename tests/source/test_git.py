from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from gitops_agent.errors import ProcessError
from gitops_agent.process import Limits, kill_group
from gitops_agent.source import git
from tests.source.author import Author
from tests.waiting import LIMIT_SECONDS, eventually


def test_git_sees_no_variable_and_no_configuration_of_ours(
    author: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text("[alias]\n\tplanted = version\n[user]\n\tname = planted\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "planted")
    monkeypatch.setenv("GIT_SSH_COMMAND", "planted")
    monkeypatch.setenv("GITHUB_TOKEN", "planted")
    monkeypatch.setenv("KUBECONFIG", "planted")

    shown = git.run(author.directory, "config", "--list", "--show-origin").stdout

    assert b"planted" not in shown
    started = git.serve(author.directory, "cat-file", "--batch")
    try:
        assert started.stdin is not None
        assert started.stdout is not None
        os.write(started.stdin.fileno(), b"HEAD\n")
        started.stdout.readline()
        assert b"planted" not in Path(f"/proc/{started.pid}/environ").read_bytes()
    finally:
        kill_group(started)


def test_no_other_repository_is_found_when_the_named_one_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = Author(tmp_path / "outer")
    outer.commit({"a": "a"})
    monkeypatch.chdir(outer.directory)

    with pytest.raises(ProcessError, match="not a git repository"):
        git.run(tmp_path / "gone", "rev-parse", "HEAD")


def test_no_protocol_is_allowed_by_itself(author: Author) -> None:
    author.commit({"a": "a"})
    for url in (f"file://{author.directory}", str(author.directory), "https://localhost:1/x", "ext::sh -c true"):
        with pytest.raises(ProcessError, match="not allowed"):
            git.run(author.directory, "ls-remote", "--", url)


def _is_dead(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.slow
def test_a_hanging_git_is_killed_with_all_its_children(author: Author, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    hang = git.Setting(
        environment={"GIT_ALLOW_PROTOCOL": "ext"},
        config=("protocol.ext.allow=always",),
    )
    script = tmp_path / "hang"
    script.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {mark}.part; mv {mark}.part {mark}\nwait\n")
    script.chmod(0o700)
    started = time.monotonic()

    with pytest.raises(ProcessError, match="killed") as caught:
        git.run(author.directory, "ls-remote", "--", f"ext::{script}", setting=hang, limits=Limits(seconds=1.5))

    assert caught.value.cause == "timeout"
    assert time.monotonic() - started < LIMIT_SECONDS
    # A signal is sent at once and taken when the process next runs, which a busy machine puts off.
    assert eventually(lambda: _is_dead(mark.read_text().strip()))


def test_a_git_that_prints_too_much_is_killed(author: Author) -> None:
    blob = author.blob(b"x" * 1_000_000)
    with pytest.raises(ProcessError) as caught:
        git.run(author.directory, "cat-file", "blob", blob, limits=Limits(output_bytes=100_000))
    assert caught.value.cause == "output"


def test_a_cancelled_git_ends_at_once(author: Author) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(ProcessError) as caught:
        git.run(author.directory, "cat-file", "--batch", stdin=b"", cancel=cancel)
    assert caught.value.cause == "cancelled"


def test_what_fails_is_reported_without_secrets(author: Author) -> None:
    with pytest.raises(ProcessError) as caught:
        git.run(author.directory, "cat-file", "blob", "very-secret-word", setting=git.Setting(secrets=("very-secret-word",)))
    assert "very-secret-word" not in caught.value.report()
    assert "***" in caught.value.report()


def test_a_machine_without_git_is_reported(author: Author, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProcessError, match="git") as caught:
        git.run(author.directory, "version")
    assert caught.value.cause in {"start", "exit"}
