from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.forge import Deployment
from gitops_agent.notify.providers import gitlab
from tests.notify.builders import COMMIT, spec
from tests.notify.senders import commit_status, document, shown

SECRET = {"token": b"glpat"}


@pytest.mark.parametrize(
    ("url", "address", "sent_to"),
    [
        ("git@gitlab.com:acme/platform/config.git", None, "https://gitlab.com/api/v4/projects/acme%2Fplatform%2Fconfig"),
        ("https://git.acme.dev/a/b", "https://git.acme.dev/", "https://git.acme.dev/api/v4/projects/a%2Fb"),
    ],
)
def test_a_commit_gets_its_state_in_its_project(url: str, address: str | None, sent_to: str) -> None:
    request = shown(gitlab, SECRET, url, address=address)

    assert request.url == f"{sent_to}/statuses/{COMMIT}"
    assert request.headers["PRIVATE-TOKEN"] == "glpat"
    assert document(request) == {"state": "failed", "name": "gitops-agent/prod-eu", "description": "2 degraded: pay, shop"}


@pytest.mark.parametrize(
    ("state", "spelled"),
    [
        (CommitState.PENDING, "running"),
        (CommitState.SUCCESS, "success"),
        (CommitState.FAILURE, "failed"),
        (CommitState.SUPERSEDED, "canceled"),
    ],
)
def test_states(state: CommitState, spelled: str) -> None:
    assert document(shown(gitlab, SECRET, "https://gitlab.com/a/b", state))["state"] == spelled


def test_a_deployment_is_made_and_updated() -> None:
    wanted = spec("gitlab", commitStatus={"deployments": True})
    status = commit_status("https://gitlab.com/a/b", CommitState.SUPERSEDED)
    deployment = Deployment(status=status, ref="main", environment="prod-eu")
    made = gitlab.create_deployment(deployment, SECRET, wanted)
    assert (made.method, made.url) == ("POST", "https://gitlab.com/api/v4/projects/a%2Fb/deployments")
    assert document(made) == {"environment": "prod-eu", "sha": COMMIT, "ref": "main", "tag": False, "status": "running"}
    assert gitlab.deployment_id(Answer(status=201, headers={}, body=b'{"id": 42, "iid": 2}')) == "42"

    updated = gitlab.deployment_status(replace(deployment, id="42"), SECRET, wanted)
    assert (updated.method, updated.url) == ("PUT", "https://gitlab.com/api/v4/projects/a%2Fb/deployments/42")
    assert document(updated) == {"status": "canceled"}


def test_a_status_that_is_as_it_was_is_a_success() -> None:
    gitlab.judge(Answer(status=400, headers={}, body=b'{"message":"Cannot transition status via :run from :running"}'))
    with pytest.raises(DeliveryError):
        gitlab.judge(Answer(status=400, headers={}, body=b"bad"))
