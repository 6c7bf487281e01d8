from __future__ import annotations

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.httpclient.message import Answer, DeliveryError
from gitops_agent.notify.providers import gitlab
from tests.notify.builders import COMMIT
from tests.notify.senders import document, of_repository, sent

SECRET = {"token": b"glpat"}


@pytest.mark.parametrize(
    ("url", "address", "sent_to"),
    [
        ("git@gitlab.com:acme/platform/config.git", None, "https://gitlab.com/api/v4/projects/acme%2Fplatform%2Fconfig"),
        ("https://git.acme.dev/a/b", "https://git.acme.dev/", "https://git.acme.dev/api/v4/projects/a%2Fb"),
    ],
)
def test_a_commit_gets_its_state_in_its_project(url: str, address: str | None, sent_to: str) -> None:
    request = sent(gitlab, SECRET, about=of_repository(url), address=address)

    assert request.url == f"{sent_to}/statuses/{COMMIT}"
    assert request.headers["PRIVATE-TOKEN"] == "glpat"
    assert document(request) == {"state": "failed", "name": "gitops-agent/ops/shop", "description": "the text"}


@pytest.mark.parametrize(
    ("type_", "state"),
    [(EventType.PROGRESSING, "running"), (EventType.SYNCED, "success"), (EventType.STALLED, "failed")],
)
def test_states(type_: EventType, state: str) -> None:
    assert document(sent(gitlab, SECRET, about=of_repository("https://gitlab.com/a/b", type_)))["state"] == state


def test_a_status_that_is_as_it_was_is_a_success() -> None:
    gitlab.judge(Answer(status=400, headers={}, body=b'{"message":"Cannot transition status via :run from :running"}'))
    with pytest.raises(DeliveryError):
        gitlab.judge(Answer(status=400, headers={}, body=b"bad"))
