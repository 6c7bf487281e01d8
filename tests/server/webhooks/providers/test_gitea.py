from __future__ import annotations

import orjson
import pytest

from gitops_agent.server.webhooks.delivery import Push
from gitops_agent.server.webhooks.providers import gitea
from tests.server.webhooks.deliveries import CLONE, COMMIT, PAGE, PUSH, REPOSITORY, SECRET, SSH, delivery, hexadecimal

DOCUMENT = {**PUSH, "repository": REPOSITORY}
PROOF = hexadecimal(orjson.dumps(DOCUMENT))


@pytest.mark.parametrize("forge", ["gitea", "forgejo"])
def test_a_signed_push_names_the_repository_and_its_tip(forge: str) -> None:
    headers = {f"x_{forge}_signature": PROOF, f"x_{forge}_event": "push", f"x_{forge}_delivery": "uuid"}
    sent = delivery(DOCUMENT, **headers)

    assert gitea.authentic(sent, [SECRET])
    assert gitea.delivery_id(sent) == "uuid"
    assert gitea.push(sent, DOCUMENT) == Push(urls=(CLONE, SSH, PAGE), tips=(("refs/heads/main", COMMIT),))


def test_no_signature_is_no_proof() -> None:
    assert not gitea.authentic(delivery(DOCUMENT), [SECRET])
    assert not gitea.authentic(delivery(DOCUMENT, x_gitea_signature=PROOF), [b"other"])


def test_other_events_are_ignored() -> None:
    assert gitea.push(delivery(DOCUMENT, x_gitea_event="issues"), DOCUMENT) is None
