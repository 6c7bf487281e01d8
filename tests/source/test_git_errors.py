from __future__ import annotations

import pytest

from gitops_agent.errors import ProcessError
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.git_errors import CORRUPT, explain, last_words
from gitops_agent.source.repository import Repository

HERE = Repository(url="https://git.example.com/config.git")


def _failed(stderr: str, cause: str = "exit", code: int = 128) -> ProcessError:
    return ProcessError(f"git ended with code {code}", command=("git",), returncode=code, stderr=stderr, cause=cause)


@pytest.mark.parametrize(
    ("stderr", "failure", "reason", "transient"),
    [
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "dns", "SourceUnavailable", True),
        ("ssh: Could not resolve hostname x: Name or service not known", "dns", "SourceUnavailable", True),
        (
            "fatal: unable to access 'x': Failed to connect to x port 443: Connection refused",
            "unreachable",
            "SourceUnavailable",
            True,
        ),
        ("ssh: connect to host x port 22: No route to host", "unreachable", "SourceUnavailable", True),
        ("fatal: unable to access 'x': SSL certificate problem: self signed certificate", "tls", "SourceUnavailable", True),
        ("fatal: unable to access 'x': server certificate verification failed. CAfile: none", "tls", "SourceUnavailable", True),
        ("fatal: Authentication failed for 'https://x/'", "authentication", "AuthenticationFailed", False),
        (
            "fatal: could not read Username for 'https://x': terminal prompts disabled",
            "authentication",
            "AuthenticationFailed",
            False,
        ),
        (
            "git@github.com: Permission denied (publickey).\nfatal: Could not read",
            "authentication",
            "AuthenticationFailed",
            False,
        ),
        ("fatal: unable to access 'x': The requested URL returned error: 403", "authentication", "AuthenticationFailed", False),
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            "host-key",
            "AuthenticationFailed",
            False,
        ),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", "not-found", "SourceFailed", False),
        ("fatal: '/x' does not appear to be a git repository", "not-found", "SourceFailed", False),
        ("fatal: unable to access 'x': The requested URL returned error: 429", "rate-limited", "SourceUnavailable", True),
        ("fatal: unable to access 'x': The requested URL returned error: 502", "server", "SourceUnavailable", True),
        ("fatal: unable to access 'x': The requested URL returned error: 301", "redirect", "SourceFailed", False),
        ("error: RPC failed; curl 18 transfer closed\nfatal: early EOF", "broken", "SourceUnavailable", True),
        ("fatal: the remote end hung up unexpectedly", "broken", "SourceUnavailable", True),
        ("fatal: write error: No space left on device\nfatal: index-pack failed", "disk-full", "SourceFailed", True),
        ("error: cannot run ssh: No such file or directory\nfatal: unable to fork", "ssh", "SourceFailed", False),
        ("No user exists for uid 1000720000", "user", "SourceFailed", False),
        ("something entirely new", "other", "SourceFailed", True),
        ("", "other", "SourceFailed", True),
    ],
)
def test_each_failure_has_its_class(stderr: str, failure: str, reason: str, transient: bool) -> None:  # noqa: FBT001
    error = explain(_failed(stderr), HERE, None)

    assert (error.facts["failure"], error.reason, error.transient) == (failure, reason, transient)
    assert str(error).startswith("https://git.example.com/config.git: ")
    assert str(error).isprintable()


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (None, "names no secretRef"),
        (Credentials(username="ada", password="x"), "username and password"),
        (Credentials(bearer_token="x"), "bearerToken"),
        (Credentials(ca="x"), "credentials"),
    ],
)
def test_a_refused_login_names_what_was_used(credentials: Credentials | None, words: str) -> None:
    assert words in str(explain(_failed("fatal: Authentication failed for 'x'"), HERE, credentials))


def test_a_refused_key_is_reported_for_ssh() -> None:
    ssh = Repository(url="git@git.example.com:config.git")
    error = explain(_failed("git@x: Permission denied (publickey)."), ssh, Credentials(identity="x", known_hosts="y"))
    assert "identity" in str(error)


def test_a_missing_git_is_not_taken_for_a_missing_repository() -> None:
    assert explain(_failed("env: 'git': No such file or directory", code=127), HERE, None).facts["failure"] == "git"


def test_a_timeout_says_so() -> None:
    error = explain(_failed("", cause="timeout"), HERE, None)
    assert (error.reason, error.transient, error.facts["failure"]) == ("SourceUnavailable", True, "timeout")


def test_the_words_of_a_server_cannot_move_the_cursor_or_fill_a_page() -> None:
    assert last_words("remote: hello\nfatal: bad\x1b[2J" + "x" * 1000).startswith("fatal: bad?[2J")
    assert len(last_words("x" * 1000)) == 300


@pytest.mark.parametrize(
    "stderr",
    [
        "fatal: not a git repository: '/cache/x.git'",
        "error: object file objects/aa/bb is empty",
        "fatal: loose object aa (stored in objects/aa) is corrupt",
        "fatal: bad object HEAD",
        "error: file objects/pack/pack-1.pack is far too short to be a packfile",
        "fatal: bad config line 1 in file config",
    ],
)
def test_a_torn_mirror_is_recognised(stderr: str) -> None:
    assert CORRUPT.find(stderr) is not None


@pytest.mark.parametrize(
    "stderr", ["fatal: '/x' does not appear to be a git repository", "fatal: Authentication failed", "fatal: early EOF"]
)
def test_trouble_of_a_server_is_not_taken_for_a_torn_mirror(stderr: str) -> None:
    assert CORRUPT.find(stderr) is None
