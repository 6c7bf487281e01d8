from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.providers import github
from tests.notify.builders import COMMIT, notifier
from tests.notify.senders import commit_status, document


def spec(**fields: Any) -> NotifierSpec:
    return notifier(provider="github", **({"address": None, "secretRef": {"name": "s"}} | fields)).spec


def test_a_commit_gets_its_state() -> None:
    sent = github.status(commit_status(description="broken\nmore"), {"token": b"ghp_1"}, spec())

    assert sent.url == f"https://api.github.com/repos/acme/config/statuses/{COMMIT}"
    assert sent.headers["Authorization"] == "Bearer ghp_1"
    assert document(sent) == {"state": "failure", "context": "gitops-agent/prod-eu", "description": "broken"}


@pytest.mark.parametrize(
    ("state", "spelled", "deployed"),
    [
        (CommitState.PENDING, "pending", "in_progress"),
        (CommitState.SUCCESS, "success", "success"),
        (CommitState.FAILURE, "failure", "failure"),
        (CommitState.SUPERSEDED, "error", "inactive"),
    ],
)
def test_states(state: CommitState, spelled: str, deployed: str) -> None:
    status = commit_status(state=state)
    deployment = Deployment(status=status, ref="main", environment="prod-eu", id="7")

    assert document(github.status(status, {"token": b"t"}, spec()))["state"] == spelled
    assert document(github.deployment_status(deployment, {"token": b"t"}, spec()))["state"] == deployed


def test_a_deployment_is_of_exactly_this_commit() -> None:
    status = commit_status(link="https://gitops.example.com/?q=commit%3A0123")
    deployment = Deployment(status=status, ref="main", environment="prod-eu")
    made = github.create_deployment(deployment, {"token": b"t"}, spec())

    assert made.url == "https://api.github.com/repos/acme/config/deployments"
    assert document(made) == {
        "ref": COMMIT,
        "environment": "prod-eu",
        "description": "main to prod-eu",
        "auto_merge": False,
        "required_contexts": [],
    }
    assert github.deployment_id(Answer(status=201, headers={}, body=b'{"id": 7}')) == "7"
    shown = github.deployment_status(replace(deployment, id="7"), {"token": b"t"}, spec())
    assert shown.url == "https://api.github.com/repos/acme/config/deployments/7/statuses"
    assert document(shown) == {
        "state": "failure",
        "environment": "prod-eu",
        "description": "2 degraded: pay, shop",
        "log_url": "https://gitops.example.com/?q=commit%3A0123",
    }


def test_an_answer_without_a_deployment_is_no_success() -> None:
    with pytest.raises(DeliveryError, match="no deployment") as caught:
        github.deployment_id(Answer(status=202, headers={}, body=b'{"message": "Auto-merged main into topic"}'))

    assert not caught.value.transient


def test_a_description_fits() -> None:
    sent = github.status(commit_status(description="x" * 500), {"token": b"t"}, spec())

    assert len(document(sent)["description"]) == 140


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/config.git", "acme/config"),
        ("https://github.com/acme/config", "acme/config"),
        ("https://GitHub.com/acme/config/", "acme/config"),
        ("ssh://git@github.com/acme/config.git", "acme/config"),
        ("ssh://git@ssh.github.com:443/acme/config.git", "acme/config"),
        ("git@github.com:acme/config.git", "acme/config"),
        ("https://github.com/acme", None),
        ("https://github.com/acme/config/extra", None),
        ("https://evil.example.org/acme/config.git", None),
        ("https://github.com.evil.example.org/acme/config", None),
        ("https://[/acme/config", None),
        ("file:///srv/acme/config", None),
        ("", None),
    ],
)
def test_the_repository_is_read_from_its_url(url: str, name: str | None) -> None:
    assert github.repository_of(url, spec()) == name


def test_the_token_goes_to_the_named_api_only() -> None:
    enterprise = spec(address="https://git.example.org/api/v3")
    inside = "https://git.example.org/acme/config"

    assert github.serves(inside, enterprise)
    assert not github.serves("https://github.com/acme/config.git", enterprise)
    sent = github.status(commit_status(inside), {"token": b"t"}, enterprise)
    assert sent.url == f"https://git.example.org/api/v3/repos/acme/config/statuses/{COMMIT}"


def test_the_notifier_may_name_the_repository() -> None:
    named = spec(repository="acme/other")

    assert github.repository_of("file:///x", named) == "acme/other"


def test_a_token_is_needed() -> None:
    with pytest.raises(AgentError) as caught:
        github.status(commit_status(), {}, spec())

    assert caught.value.reason == "SecretInvalid"


def test_the_rate_limit_passes_and_a_missing_permission_does_not() -> None:
    limited = Answer(status=403, headers={"x-ratelimit-remaining": "0", "retry-after": "30"}, body=b"")
    with pytest.raises(DeliveryError) as caught:
        github.judge(limited)
    assert (caught.value.transient, caught.value.retry_after) == (True, 30.0)

    with pytest.raises(DeliveryError) as caught:
        github.judge(Answer(status=403, headers={}, body=b"Resource not accessible"))
    assert not caught.value.transient
