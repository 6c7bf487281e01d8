from __future__ import annotations

import pytest

from gitops_agent.notify.commit_status import cut, is_commit, segments
from tests.notify.builders import COMMIT, spec


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://git.example.com/acme/config.git", ("acme", "config")),
        ("ssh://git@git.example.com:2222/acme/config", ("acme", "config")),
        ("git@git.example.com:acme/config.git", ("acme", "config")),
        ("https://evil.example.com/acme/config", None),
        ("https://git.example.com/config", None),
        ("https://git.example.com/a/b/c", None),
        ("https://git.example.com/../..", None),
        ("https://git.example.com/a%2Fb/c", None),
        ("https://git.example.com/a?b/c", None),
        ("https://[bad/acme/config", None),
        ("file:///acme/config", None),
    ],
)
def test_a_repository_is_found_where_the_api_serves_it(url: str, parts: tuple[str, ...] | None) -> None:
    assert segments(url, spec("gitea", address="https://git.example.com"), {"git.example.com"}) == parts


def test_a_notifier_may_name_the_repository() -> None:
    wanted = spec("github", repository="acme/other")

    assert segments("file:///x", wanted, set()) == ("acme", "other")


def test_only_whole_commits_have_a_status() -> None:
    assert is_commit(COMMIT)
    assert not is_commit("main")
    assert not is_commit(f"podinfo-6.5.4@sha256:{COMMIT}")


def test_a_description_is_one_line_that_fits() -> None:
    assert cut("first\nsecond", 140) == "first"
    assert cut("", 140) == ""
    assert cut("x" * 200, 140) == "x" * 139 + "…"
