from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.server.webhooks.providers import PROVIDERS
from tests.server.webhooks.deliveries import HOSTILE, SECRET, delivery

EVENTS = {
    "x_github_event": "push",
    "x_gitlab_event": "Push Hook",
    "x_gitea_event": "push",
    "x_event_key": "repo:push",
}


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("document", HOSTILE)
def test_no_document_breaks_a_provider(name: str, document: Any) -> None:
    for key in ("repo:push", "repo:refs_changed", "pr:merged", "pullrequest:updated"):
        push = PROVIDERS[name].push(delivery(document, **EVENTS | {"x_event_key": key}), document)

        assert push is None or all(push.urls)


@pytest.mark.parametrize("name", PROVIDERS)
def test_nothing_unsigned_is_taken(name: str) -> None:
    sent = delivery({"repository": {}}, **EVENTS)

    assert not PROVIDERS[name].authentic(sent, [SECRET])
    assert not PROVIDERS[name].authentic(sent, [])
