from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import azuredevops
from tests.notify.builders import COMMIT, spec
from tests.notify.senders import commit_status, document, shown

SECRET = {"token": b"t0k"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://dev.azure.com/acme/Shop%20Team/_git/config", "acme/Shop%20Team"),
        ("git@ssh.dev.azure.com:v3/acme/Shop/config", "acme/Shop"),
    ],
)
def test_a_commit_gets_its_state_in_its_repository(url: str, path: str) -> None:
    request = shown(azuredevops, SECRET, url)

    api = f"https://dev.azure.com/{path}/_apis/git/repositories/config"
    assert request.url == f"{api}/commits/{COMMIT}/statuses?api-version=7.1"
    assert request.headers["Authorization"] == "Basic OnQwaw=="
    assert document(request) == {
        "state": "failed",
        "description": "2 degraded: pay, shop",
        "context": {"genre": "gitops-agent", "name": "prod-eu"},
    }


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("gitops-agent/prod-eu/shop", {"genre": "gitops-agent", "name": "prod-eu/shop"}),
        ("prod", {"name": "prod"}),
    ],
)
def test_a_name_has_a_genre(name: str, context: dict[str, str]) -> None:
    status = commit_status("https://dev.azure.com/a/b/_git/c", name=name)

    assert document(azuredevops.status(status, SECRET, spec("azuredevops")))["context"] == context


@pytest.mark.parametrize(
    "url",
    [
        "https://dev.azure.com/acme/Shop/config/x",
        "https://dev.azure.com/acme/../_git/..",
        "https://evil.example.com/acme/Shop/_git/config",
        "git@ssh.dev.azure.com:v2/acme/Shop/config",
    ],
)
def test_a_repository_elsewhere_never_sees_the_token(url: str) -> None:
    wanted = spec("azuredevops")

    assert not azuredevops.serves(url, wanted)
    with pytest.raises(AgentError, match="is not a repository of"):
        azuredevops.status(commit_status(url), SECRET, wanted)


def test_a_page_to_sign_in_at_is_a_refused_token() -> None:
    with pytest.raises(DeliveryError, match="refused the token") as caught:
        azuredevops.judge(Answer(status=203, headers={}, body=b"<html>"))

    assert not caught.value.transient
