from __future__ import annotations

from typing import Any

import orjson
import pytest

from gitops_agent.server.webhooks.delivery import Delivery, Push
from gitops_agent.server.webhooks.providers import github
from tests.server.webhooks.deliveries import (
    CLONE,
    COMMIT,
    PAGE,
    PUSH,
    REPOSITORY,
    SECRET,
    SSH,
    hexadecimal,
    raw_delivery,
)

DOCUMENT = {**PUSH, "repository": REPOSITORY}


def event(name: str = "push", document: Any = DOCUMENT, **headers: str) -> Delivery:
    body = orjson.dumps(document)
    known = {"x_github_event": name, "x_github_delivery": "guid", "x_hub_signature_256": f"sha256={hexadecimal(body)}"}
    return raw_delivery(body, **known | headers)


def test_a_signed_push_names_the_repository_and_its_tip() -> None:
    sent = event()

    assert github.authentic(sent, [SECRET])
    assert github.delivery_id(sent) == "guid"
    assert github.push(sent, DOCUMENT) == Push(urls=(CLONE, SSH, PAGE), tips=(("refs/heads/main", COMMIT),))


@pytest.mark.parametrize("signature", ["", "sha256=", "sha1=abc", hexadecimal(orjson.dumps(DOCUMENT))])
def test_a_wrong_signature_is_no_proof(signature: str) -> None:
    assert not github.authentic(event(x_hub_signature_256=signature), [SECRET])


def test_other_events_poll_or_are_ignored() -> None:
    assert github.push(event("pull_request"), DOCUMENT) == Push(urls=(CLONE, SSH, PAGE))
    assert github.push(event("ping"), DOCUMENT) is None
