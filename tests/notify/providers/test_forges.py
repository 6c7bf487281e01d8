"""GitLab, Gitea, Bitbucket and Azure DevOps: the state of a commit, at the server that serves its repository."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify.providers import azuredevops, bitbucket, gitea, gitlab
from tests.notify.builders import COMMIT, NOON, message, revision, spec

GITLAB, GITEA = spec("gitlab"), spec("gitea", address="https://git.example.com")
CLOUD, DATA_CENTER = spec("bitbucket"), spec("bitbucket", address="https://bb.example.com")
AZURE = spec("azuredevops")


TOKEN = {"token": b"t0k"}


def request(
    module: ModuleType,
    wanted: NotifierSpec,
    url: str,
    type_: EventType = EventType.DEGRADED,
    *,
    secret: dict[str, bytes] = TOKEN,
) -> Request:
    about = message(type_, revision=revision(repository=url))
    assert module.speaks_of(about, wanted)
    sent = module.request(about, "broken\nmore", secret, wanted, now=NOON)
    assert isinstance(sent, Request)
    return sent


@pytest.mark.parametrize(
    ("module", "wanted", "url", "sent_to"),
    [
        (
            gitlab,
            GITLAB,
            "git@gitlab.com:acme/platform/config.git",
            f"https://gitlab.com/api/v4/projects/acme%2Fplatform%2Fconfig/statuses/{COMMIT}",
        ),
        (
            gitlab,
            spec("gitlab", address="https://git.acme.dev/"),
            "https://git.acme.dev/a/b",
            f"https://git.acme.dev/api/v4/projects/a%2Fb/statuses/{COMMIT}",
        ),
        (
            gitea,
            GITEA,
            "ssh://git@git.example.com:2222/acme/config.git",
            f"https://git.example.com/api/v1/repos/acme/config/statuses/{COMMIT}",
        ),
        (
            bitbucket,
            CLOUD,
            "https://bitbucket.org/acme/config.git",
            f"https://api.bitbucket.org/2.0/repositories/acme/config/commit/{COMMIT}/statuses/build",
        ),
        (
            bitbucket,
            DATA_CENTER,
            "https://bb.example.com/scm/PRJ/config.git",
            f"https://bb.example.com/rest/api/latest/projects/PRJ/repos/config/commits/{COMMIT}/builds",
        ),
        (
            bitbucket,
            DATA_CENTER,
            "ssh://git@bb.example.com:7999/PRJ/config.git",
            f"https://bb.example.com/rest/api/latest/projects/PRJ/repos/config/commits/{COMMIT}/builds",
        ),
        (
            azuredevops,
            AZURE,
            "https://dev.azure.com/acme/Shop%20Team/_git/config",
            f"https://dev.azure.com/acme/Shop%20Team/_apis/git/repositories/config/commits/{COMMIT}/statuses?api-version=7.1",
        ),
        (
            azuredevops,
            AZURE,
            "git@ssh.dev.azure.com:v3/acme/Shop/config",
            f"https://dev.azure.com/acme/Shop/_apis/git/repositories/config/commits/{COMMIT}/statuses?api-version=7.1",
        ),
    ],
)
def test_a_commit_gets_its_state_where_its_repository_is(
    module: ModuleType, wanted: NotifierSpec, url: str, sent_to: str
) -> None:
    assert request(module, wanted, url).url == sent_to


@pytest.mark.parametrize(
    ("module", "wanted", "url"),
    [
        (gitlab, GITLAB, "https://evil.example.com/acme/config"),
        (gitlab, GITLAB, "https://gitlab.com/config"),
        (gitea, GITEA, "https://git.example.com/a/b/c"),
        (gitea, GITEA, "https://git.example.com/../.."),
        (bitbucket, CLOUD, "https://bb.example.com/acme/config"),
        (bitbucket, DATA_CENTER, "https://bb.example.com/other/PRJ/config"),
        (azuredevops, AZURE, "https://dev.azure.com/acme/Shop/config/x"),
        (azuredevops, AZURE, "https://dev.azure.com/acme/../_git/.."),
        (azuredevops, AZURE, "https://evil.example.com/acme/Shop/_git/config"),
    ],
)
def test_a_repository_elsewhere_never_sees_the_token(module: ModuleType, wanted: NotifierSpec, url: str) -> None:
    about = message(revision=revision(repository=url))

    assert not module.speaks_of(about, wanted)
    with pytest.raises(AgentError, match="is not a repository of"):
        module.request(about, "x", {"token": b"t0k"}, wanted, now=NOON)


@pytest.mark.parametrize(
    ("type_", "states"),
    [
        (EventType.PROGRESSING, ("running", "pending", "INPROGRESS", "pending")),
        (EventType.SYNCED, ("success", "success", "SUCCESSFUL", "succeeded")),
        (EventType.DEGRADED, ("failed", "failure", "FAILED", "failed")),
        (EventType.STALLED, ("failed", "error", "FAILED", "error")),
    ],
)
def test_states_are_spelled_as_each_forge_does(type_: EventType, states: tuple[str, ...]) -> None:
    rows: list[tuple[ModuleType, NotifierSpec, str]] = [
        (gitlab, GITLAB, "https://gitlab.com/a/b"),
        (gitea, GITEA, "https://git.example.com/a/b"),
        (bitbucket, CLOUD, "https://bitbucket.org/a/b"),
        (azuredevops, AZURE, "https://dev.azure.com/a/b/_git/c"),
    ]

    assert tuple(orjson.loads(request(*row, type_).body)["state"] for row in rows) == states


def test_each_forge_gets_the_token_in_its_own_way() -> None:
    def headers(*row: Any, secret: dict[str, bytes] = TOKEN) -> dict[str, str]:
        return dict(request(*row, secret=secret).headers)

    assert headers(gitlab, GITLAB, "https://gitlab.com/a/b")["PRIVATE-TOKEN"] == "t0k"
    assert headers(gitea, GITEA, "https://git.example.com/a/b")["Authorization"] == "token t0k"
    assert headers(bitbucket, CLOUD, "https://bitbucket.org/a/b")["Authorization"] == "Bearer t0k"
    with_user = headers(bitbucket, CLOUD, "https://bitbucket.org/a/b", secret={"username": b"ada", "password": b"pw"})
    assert with_user["Authorization"] == "Basic YWRhOnB3"
    assert headers(azuredevops, AZURE, "https://dev.azure.com/a/b/_git/c")["Authorization"] == "Basic OnQwaw=="


def test_bitbucket_gets_a_short_key_and_the_page_of_the_commit() -> None:
    sent = orjson.loads(request(bitbucket, CLOUD, "https://bitbucket.org/acme/config").body)

    assert len(sent["key"]) == 40
    assert sent["url"] == f"https://bitbucket.org/acme/config/commits/{COMMIT}"
    assert sent["description"] == "broken"


@pytest.mark.parametrize("module", [gitlab, gitea, bitbucket, azuredevops])
def test_a_missing_token_is_named(module: ModuleType) -> None:
    wanted = {gitlab: GITLAB, gitea: GITEA, bitbucket: CLOUD, azuredevops: AZURE}[module]
    host = {gitlab: "gitlab.com/a/b", gitea: "git.example.com/a/b", bitbucket: "bitbucket.org/a/b"}
    url = f"https://{host.get(module, 'dev.azure.com/a/b/_git/c')}"

    with pytest.raises(AgentError, match="no key token"):
        module.request(message(revision=revision(repository=url)), "x", {}, wanted, now=NOON)


def test_a_status_of_gitlab_that_is_as_it_was_is_a_success() -> None:
    gitlab.judge(Answer(status=400, headers={}, body=b'{"message":"Cannot transition status via :run from :running"}'))
    with pytest.raises(DeliveryError):
        gitlab.judge(Answer(status=400, headers={}, body=b"bad"))


def test_a_page_to_sign_in_at_is_a_refused_token() -> None:
    with pytest.raises(DeliveryError, match="refused the token") as caught:
        azuredevops.judge(Answer(status=203, headers={}, body=b"<html>"))

    assert not caught.value.transient
