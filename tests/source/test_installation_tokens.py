from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gitops_agent.errors import SourceError
from gitops_agent.source.github_app import GitHubApp
from gitops_agent.source.installation_tokens import InstallationTokens
from gitops_agent.source.sources import Credentials, Repository, Sources
from tests.source.author import Author
from tests.source.certificates import Certificates
from tests.source.conftest import MAIN
from tests.source.github_api import GitHubApi, pem, private_key
from tests.source.test_access_https import Serve

CONFIG = Repository(url="https://127.0.0.1/acme/config.git", secret="team/app")


@cache
def key() -> RSAPrivateKey:
    return private_key()


@pytest.fixture
def api() -> Iterator[GitHubApi]:
    server = GitHubApi(key())
    yield server
    server.close()


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def app(api: GitHubApi, *, installation: str = "") -> GitHubApp:
    return GitHubApp(id="4711", installation=installation, key=pem(key()), api=api.url())


def test_the_token_reads_this_repository_and_nothing_else(api: GitHubApi) -> None:
    assert InstallationTokens().token(CONFIG, app(api)) == "token-2"
    assert api.seen == [
        ("GET", "/repos/acme/config/installation", None),
        ("POST", "/app/installations/99/access_tokens", {"repositories": ["config"], "permissions": {"contents": "read"}}),
    ]


def test_an_installation_that_is_named_is_not_looked_up(api: GitHubApi) -> None:
    InstallationTokens().token(CONFIG, app(api, installation="99"))

    assert [path for _, path, _ in api.seen] == ["/app/installations/99/access_tokens"]


def test_a_token_is_kept_until_seventy_percent_of_its_life(api: GitHubApi) -> None:
    clock = Clock()
    tokens = InstallationTokens(clock=clock)
    first = tokens.token(CONFIG, app(api))

    clock.ahead = 2400
    assert tokens.token(CONFIG, app(api)) == first
    clock.ahead = api.ahead = 2600
    assert tokens.token(CONFIG, app(api)) != first


def test_another_key_or_a_refused_token_means_another_exchange(api: GitHubApi) -> None:
    tokens = InstallationTokens()
    tokens.token(CONFIG, app(api))

    tokens.token(CONFIG, app(api, installation="99"))
    tokens.forget(CONFIG)
    tokens.token(CONFIG, app(api, installation="99"))

    assert [method for method, _, _ in api.seen] == ["GET", "POST", "POST", "POST"]


@pytest.mark.parametrize("ahead", [-900.0, 900.0])
def test_a_clock_that_differs_from_the_apis_is_corrected(api: GitHubApi, ahead: float) -> None:
    api.ahead = ahead

    assert InstallationTokens().token(CONFIG, app(api, installation="99"))
    assert len(api.seen) == 2


@pytest.mark.parametrize(
    ("status", "headers", "reason", "words"),
    [
        (401, {}, "AuthenticationFailed", "does not accept the key of GitHub App 4711"),
        (403, {}, "AuthenticationFailed", "suspended"),
        (404, {}, "AuthenticationFailed", "is not installed for this repository"),
        (422, {}, "AuthenticationFailed", "has no access to it"),
        (418, {}, "AuthenticationFailed", "status 418"),
        (403, {"Retry-After": "90"}, "SourceUnavailable", "status 403"),
        (403, {"X-RateLimit-Remaining": "0"}, "SourceUnavailable", "status 403"),
        (429, {"Retry-After": "90"}, "SourceUnavailable", "status 429"),
        (502, {}, "SourceUnavailable", "status 502"),
    ],
)
def test_a_refusal_names_its_cause(api: GitHubApi, status: int, headers: dict[str, str], reason: str, words: str) -> None:
    api.status, api.headers = status, headers

    with pytest.raises(SourceError, match=words) as caught:
        InstallationTokens().token(CONFIG, app(api))

    assert caught.value.reason == reason
    assert caught.value.transient == (reason == "SourceUnavailable")
    assert caught.value.facts.get("retry_after") == (90.0 if "Retry-After" in headers else None)
    assert "BEGIN" not in str(caught.value)


def test_an_api_that_cannot_be_reached_is_a_passing_failure(api: GitHubApi) -> None:
    gone = app(api)
    api.close()

    with pytest.raises(SourceError, match="no token for GitHub App 4711: 127") as caught:
        InstallationTokens().token(CONFIG, gone)

    assert caught.value.transient


def test_a_repository_is_read_with_the_token_of_an_app(
    api: GitHubApi, sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    commit = Author(author.directory.parent / "acme" / "config.git").commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.basic = ("x-access-token", "token-1")
    repository = server.repository("acme/config.git", host="127.0.0.1", secret="team/app")
    credentials = Credentials(app=app(api, installation="99"), ca=certificates.text("ca.crt"))

    assert sources.poll(repository, frozenset({MAIN}), credentials).tips == {MAIN: commit}

    server.basic = ("x-access-token", "token-2")
    with pytest.raises(SourceError, match="does not accept"):
        sources.poll(repository, frozenset({MAIN}), credentials)
    assert sources.poll(repository, frozenset({MAIN}), credentials).tips == {MAIN: commit}
