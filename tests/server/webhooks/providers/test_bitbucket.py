from __future__ import annotations

from typing import Any

import orjson
import pytest

from gitops_agent.server.webhooks.delivery import Push
from gitops_agent.server.webhooks.providers import bitbucket
from tests.server.webhooks.deliveries import CLONE, COMMIT, PAGE, SECRET, SSH, delivery, hexadecimal, raw_delivery

CLOUD: Any = {
    "repository": {"links": {"html": {"href": PAGE}}},
    "push": {
        "changes": [
            {"new": None},
            {"new": {"type": "tag", "name": "v1", "target": {"hash": COMMIT}}},
            {"new": {"type": "branch", "name": "main", "target": {"hash": COMMIT}}},
        ]
    },
}
OWN = {
    "repository": {"links": {"clone": [{"href": CLONE}, {"href": SSH}]}},
    "changes": [{"ref": {"id": "refs/heads/main"}, "toHash": COMMIT}],
}
MAIN = (("refs/heads/main", COMMIT),)


@pytest.mark.parametrize(
    ("event", "document", "push"),
    [
        ("repo:push", CLOUD, Push(urls=(PAGE,), tips=MAIN)),
        ("pullrequest:fulfilled", CLOUD, Push(urls=(PAGE,))),
        ("repo:refs_changed", OWN, Push(urls=(CLONE, SSH), tips=MAIN)),
        ("pr:merged", {"pullRequest": {"toRef": {"repository": OWN["repository"]}}}, Push(urls=(CLONE, SSH))),
        ("repo:fork", CLOUD, None),
        ("diagnostics:ping", {}, None),
    ],
)
def test_a_push_names_the_repository_and_its_branches(event: str, document: Any, push: Push | None) -> None:
    assert bitbucket.push(delivery(document, x_event_key=event), document) == push


def test_only_the_signature_is_a_proof() -> None:
    body = orjson.dumps(CLOUD)
    sent = raw_delivery(body, x_hub_signature=f"sha256={hexadecimal(body)}", x_request_uuid="r1")

    assert bitbucket.authentic(sent, [SECRET])
    assert bitbucket.delivery_id(sent) == "r1"
    assert not bitbucket.authentic(delivery(CLOUD, x_hook_uuid="s3cret"), [SECRET])
