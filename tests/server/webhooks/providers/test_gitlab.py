from __future__ import annotations

import base64

import pytest

from gitops_agent.server.webhooks.delivery import Push
from gitops_agent.server.webhooks.providers import gitlab
from tests.server.webhooks.deliveries import CLONE, COMMIT, PAGE, PUSH, SECRET, SSH, delivery, standard

DOCUMENT = {**PUSH, "project": {"git_http_url": CLONE, "git_ssh_url": SSH, "web_url": PAGE}}
SIGNING = b"whsec_" + base64.b64encode(b"k" * 32)


def test_a_token_is_compared_whole() -> None:
    assert gitlab.authentic(delivery(DOCUMENT, x_gitlab_token="s3cret"), [b"old", SECRET])
    assert not gitlab.authentic(delivery(DOCUMENT, x_gitlab_token="s3cre"), [SECRET])
    assert not gitlab.authentic(delivery(DOCUMENT), [SECRET])


def test_a_signing_token_demands_a_signature() -> None:
    assert gitlab.authentic(standard(DOCUMENT, key=b"k" * 32), [SIGNING])
    assert not gitlab.authentic(delivery(DOCUMENT, x_gitlab_token=SIGNING.decode()), [SIGNING])


@pytest.mark.parametrize("secret", [b"whsec_", b"whsec_***"])
def test_a_signing_token_that_is_none_proves_nothing_by_a_signature(secret: bytes) -> None:
    assert not gitlab.authentic(standard(DOCUMENT, key=b""), [secret])


@pytest.mark.parametrize("event", ["Push Hook", "Tag Push Hook"])
def test_a_push_names_the_project_and_its_tip(event: str) -> None:
    sent = delivery(DOCUMENT, x_gitlab_event=event, webhook_id="w1")

    assert gitlab.push(sent, DOCUMENT) == Push(urls=(CLONE, SSH, PAGE), tips=(("refs/heads/main", COMMIT),))
    assert gitlab.delivery_id(sent) == "w1"


def test_other_events_poll_or_are_ignored() -> None:
    assert gitlab.push(delivery(DOCUMENT, x_gitlab_event="Merge Request Hook"), DOCUMENT) == Push(urls=(CLONE, SSH, PAGE))
    assert gitlab.push(delivery(DOCUMENT, x_gitlab_event="Job Hook"), DOCUMENT) is None
