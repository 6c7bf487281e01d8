from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.repository import Repository, beside


@pytest.mark.parametrize(
    ("url", "transport"),
    [
        ("https://git.example.com/team/config.git", "https"),
        ("https://git.example.com:8443/config", "https"),
        ("https://[2001:db8::1]:8443/config", "https"),
        ("ssh://git@git.example.com/team/config.git", "ssh"),
        ("ssh://git@git.example.com:2222/~/config.git", "ssh"),
        ("git@git.example.com:team/config.git", "ssh"),
        ("file:///srv/git/config.git", "file"),
    ],
)
def test_urls_of_repositories_are_taken(url: str, transport: str) -> None:
    assert Repository(url=url).transport == transport


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:pass-4711-word@git.example.com/config.git",
        "https://token-4711@git.example.com/config.git",
        "ssh://git:pass-4711-word@git.example.com/config.git",
        "https://git.example.com/config.git?token=pass-4711-word",
        "https://git.example.com/config.git#pass-4711-word",
    ],
)
def test_a_credential_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SourceError, match="credentials") as caught:
        Repository(url=url)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=x",
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "ext::sh",
        "fd::17",
        "http://git.example.com/config.git",
        "git://git.example.com/config.git",
        "ftp://git.example.com/config.git",
        "ssh://-oProxyCommand=id/config.git",
        "ssh://git@-oProxyCommand=id/config.git",
        "ssh://-git@host/config.git",
        "git@-host:config.git",
        "git@host:-config.git",
        "https://-host/config.git",
        "https:///config.git",
        "https://host",
        "https://host/",
        "https://host:port/config.git",
        "https://host/con fig.git",
        "https://host/config\n.git",
        "file://host/config.git",
        "file://config.git",
        "/srv/git/config.git",
        "../config.git",
        "config.git",
        "https://ho\u202est/config.git",
        "https://host/" + "x" * 3000,
    ],
)
def test_what_is_no_url_or_more_than_one_is_refused(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        Repository(url=url)
    assert caught.value.reason == "InvalidSpec"
    assert str(caught.value).isprintable()


def test_mirrors_are_shared_only_with_the_same_secret() -> None:
    url = "https://git.example.com/config.git"

    assert Repository(url=url, secret="a/b").id == Repository(url=url, secret="a/b").id
    assert len({Repository(url=url).id, Repository(url=url, secret="a/b").id, Repository(url=url, secret="a/c").id}) == 3


def test_the_origin_is_what_credentials_are_bound_to() -> None:
    assert Repository(url="https://git.example.com:8443/a/b.git").origin == "https://git.example.com:8443"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://git.example.com:8443/a.git", "git.example.com"),
        ("ssh://git@git.example.com/a.git", "git.example.com"),
        ("git@git.example.com:a.git", "git.example.com"),
        ("file:///srv/a.git", ""),
    ],
)
def test_the_host_is_that_of_the_server(url: str, host: str) -> None:
    assert Repository(url=url).host == host


@pytest.mark.parametrize(
    ("own", "other", "same"),
    [
        ("https://git.example.com/a", "https://git.example.com/b", True),
        ("https://git.example.com/a", "https://GIT.example.com/b", True),
        ("https://git.example.com/a", "https://git.example.com:8443/b", False),
        ("https://git.example.com/a", "https://git.example.com.evil.example/b", False),
        ("https://git.example.com/a", "ssh://git@git.example.com/b", False),
        ("git@git.example.com:a", "git@git.example.com:b", True),
        ("ssh://git@git.example.com/a", "git@git.example.com:b", True),
        ("ssh://git@git.example.com:2222/a", "git@git.example.com:b", False),
    ],
)
def test_another_repository_gets_the_secret_on_the_same_server_only(own: str, other: str, *, same: bool) -> None:
    repository = beside(Repository(url=own, secret="shop/git"), other)

    assert repository == Repository(url=other, secret="shop/git" if same else "", shallow=True)
    assert repository.id != Repository(url=other, secret=repository.secret).id
