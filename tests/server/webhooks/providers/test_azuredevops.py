from __future__ import annotations

import base64
from typing import Any

import pytest

from gitops_agent.server.webhooks.delivery import Push
from gitops_agent.server.webhooks.providers import azuredevops
from tests.server.webhooks.deliveries import COMMIT, delivery

URL = "https://dev.azure.com/acme/Shop/_git/config"
DOCUMENT: Any = {
    "eventType": "git.push",
    "resource": {
        "repository": {"remoteUrl": URL},
        "refUpdates": [{"name": "refs/heads/main", "newObjectId": COMMIT}],
    },
}


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("secret", "pair"),
    [(b"ada:pw", "ada:pw"), (b"pw", ":pw")],
)
def test_user_and_password_are_compared_at_once(secret: bytes, pair: str) -> None:
    assert azuredevops.authentic(delivery(DOCUMENT, authorization=basic(pair)), [b"old:x", secret])
    assert not azuredevops.authentic(delivery(DOCUMENT, authorization=basic(pair + "x")), [secret])


@pytest.mark.parametrize("header", ["", "Basic", "Basic ***", "Basic /w==", "Bearer pw"])
def test_what_is_no_pair_is_no_proof(header: str) -> None:
    assert not azuredevops.authentic(delivery(DOCUMENT, authorization=header), [b"pw"])


def test_a_push_names_the_repository_and_its_references() -> None:
    assert azuredevops.push(delivery(DOCUMENT), DOCUMENT) == Push(urls=(URL,), tips=(("refs/heads/main", COMMIT),))


def test_a_push_without_references_polls() -> None:
    document = {"eventType": "git.push", "resource": {"repository": {"remoteUrl": URL}, "refUpdates": []}}

    assert azuredevops.push(delivery(document), document) == Push(urls=(URL,))
    assert azuredevops.push(delivery({}), {"eventType": "build.complete"}) is None
