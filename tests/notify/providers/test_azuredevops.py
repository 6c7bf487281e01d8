from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import azuredevops
from tests.notify.builders import COMMIT, NOON, spec
from tests.notify.senders import document, of_repository, sent

SECRET = {"token": b"t0k"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://dev.azure.com/acme/Shop%20Team/_git/config", "acme/Shop%20Team"),
        ("git@ssh.dev.azure.com:v3/acme/Shop/config", "acme/Shop"),
    ],
)
def test_a_commit_gets_its_state_in_its_repository(url: str, path: str) -> None:
    request = sent(azuredevops, SECRET, about=of_repository(url))

    api = f"https://dev.azure.com/{path}/_apis/git/repositories/config"
    assert request.url == f"{api}/commits/{COMMIT}/statuses?api-version=7.1"
    assert request.headers["Authorization"] == "Basic OnQwaw=="
    assert document(request) == {
        "state": "failed",
        "description": "the text",
        "context": {"genre": "gitops-agent", "name": "ops/shop"},
    }


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
    about, wanted = of_repository(url), spec("azuredevops")

    assert not azuredevops.speaks_of(about, wanted)
    with pytest.raises(AgentError, match="is not a repository of"):
        azuredevops.request(about, "x", SECRET, wanted, now=NOON)


def test_a_page_to_sign_in_at_is_a_refused_token() -> None:
    with pytest.raises(DeliveryError, match="refused the token") as caught:
        azuredevops.judge(Answer(status=203, headers={}, body=b"<html>"))

    assert not caught.value.transient
