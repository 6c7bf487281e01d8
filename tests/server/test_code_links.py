from __future__ import annotations

import pytest

from gitops_agent.server.code_links import commit_link, compare_link, shown_address

NEW, OLD = "3f2a91c", "77b0c3d"


@pytest.mark.parametrize(
    ("repository", "link"),
    [
        ("https://github.com/acme/config", f"https://github.com/acme/config/commit/{NEW}"),
        ("https://github.com/acme/config.git", f"https://github.com/acme/config/commit/{NEW}"),
        ("git@github.com:acme/config.git", f"https://github.com/acme/config/commit/{NEW}"),
        ("ssh://git@gitlab.example.com:2222/a/b/c.git", f"https://gitlab.example.com/a/b/c/-/commit/{NEW}"),
        ("https://codeberg.org/acme/config/", f"https://codeberg.org/acme/config/commit/{NEW}"),
        ("https://user@bitbucket.org/acme/config", f"https://bitbucket.org/acme/config/commits/{NEW}"),
        ("https://git.example.com/acme/config", ""),
        ("file:///srv/github/config", ""),
        ("javascript://github.com/%0aalert(1)", ""),
    ],
)
def test_a_commit_is_linked_where_the_host_is_known(repository: str, link: str) -> None:
    assert commit_link(repository, NEW) == link


def test_what_is_no_commit_gets_no_link() -> None:
    assert commit_link("https://github.com/acme/config", "../../settings") == ""
    assert commit_link("https://github.com/acme/config", "") == ""


def test_two_commits_are_compared_from_old_to_new() -> None:
    assert compare_link("https://github.com/acme/config", OLD, NEW) == f"https://github.com/acme/config/compare/{OLD}...{NEW}"
    assert compare_link("https://github.com/acme/config", NEW, NEW) == ""


def test_an_address_is_shown_without_its_user() -> None:
    assert shown_address("https://li:secret@git.example.com/a") == "https://git.example.com/a"
