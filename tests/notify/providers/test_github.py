from __future__ import annotations

from typing import Any

import orjson
import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import github
from tests.notify.builders import COMMIT, NOON, message, notifier, revision


def spec(**fields: Any) -> NotifierSpec:
    return notifier(provider="github", **({"address": None, "secretRef": {"name": "s"}} | fields)).spec


def test_a_commit_gets_its_state() -> None:
    sent = github.request(message(), "broken\nmore", {"token": b"ghp_1"}, spec(), now=NOON)

    assert sent.url == f"https://api.github.com/repos/acme/config/statuses/{COMMIT}"
    assert sent.headers["Authorization"] == "Bearer ghp_1"
    assert orjson.loads(sent.body) == {"state": "failure", "context": "gitops-agent/ops/shop", "description": "broken"}


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        (EventType.PROGRESSING, "pending"),
        (EventType.HELD, "pending"),
        (EventType.SYNCED, "success"),
        (EventType.RECOVERED, "success"),
        (EventType.SYNC_FAILED, "failure"),
        (EventType.STALLED, "error"),
    ],
)
def test_states(type_: EventType, state: str) -> None:
    sent = github.request(message(type_), "x", {"token": b"t"}, spec(), now=NOON)

    assert orjson.loads(sent.body)["state"] == state


def test_a_description_fits() -> None:
    sent = github.request(message(), "x" * 500, {"token": b"t"}, spec(), now=NOON)

    assert len(orjson.loads(sent.body)["description"]) == 140


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
    assert github.repository(message(revision=revision(repository=url)), spec()) == name


def test_the_token_goes_to_the_named_api_only() -> None:
    enterprise = spec(address="https://git.example.org/api/v3")
    inside = message(revision=revision(repository="https://git.example.org/acme/config"))

    assert github.speaks_of(inside, enterprise)
    assert not github.speaks_of(message(), enterprise)
    sent = github.request(inside, "x", {"token": b"t"}, enterprise, now=NOON)
    assert sent.url == f"https://git.example.org/api/v3/repos/acme/config/statuses/{COMMIT}"


def test_the_notifier_may_name_the_repository() -> None:
    named = spec(repository="acme/other")

    assert github.repository(message(revision=revision(repository="file:///x")), named) == "acme/other"


@pytest.mark.parametrize(
    "said", [message(EventType.DRIFT_REPAIRED), message(revision=None), message(revision=revision(commit="main"))]
)
def test_it_speaks_of_commits_only(said: Any) -> None:
    assert not github.speaks_of(said, spec())


def test_a_token_is_needed() -> None:
    with pytest.raises(AgentError) as caught:
        github.request(message(), "x", {}, spec(), now=NOON)

    assert caught.value.reason == "SecretInvalid"


def test_the_rate_limit_passes_and_a_missing_permission_does_not() -> None:
    limited = Answer(status=403, headers={"x-ratelimit-remaining": "0", "retry-after": "30"}, body=b"")
    with pytest.raises(DeliveryError) as caught:
        github.judge(limited)
    assert (caught.value.transient, caught.value.retry_after) == (True, 30.0)

    with pytest.raises(DeliveryError) as caught:
        github.judge(Answer(status=403, headers={}, body=b"Resource not accessible"))
    assert not caught.value.transient
