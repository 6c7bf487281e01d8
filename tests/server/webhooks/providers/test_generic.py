from __future__ import annotations

from datetime import timedelta

import orjson

from gitops_agent.server.webhooks.delivery import Delivery, Push
from gitops_agent.server.webhooks.providers import generic
from tests.server.webhooks.deliveries import CLONE, COMMIT, NOW, SECRET, delivery, hexadecimal, raw_delivery, standard

DOCUMENT = {"repository": CLONE, "ref": "refs/heads/main", "commit": COMMIT}


def ours(minutes: int = 0) -> Delivery:
    body, stamp = orjson.dumps(DOCUMENT), str(int((NOW + timedelta(minutes=minutes)).timestamp()))
    proof = f"sha256={hexadecimal(stamp.encode() + b'.' + body)}"
    return raw_delivery(body, x_gitops_agent_timestamp=stamp, x_gitops_agent_signature=proof)


def test_our_own_signature_is_a_proof_for_a_short_time() -> None:
    assert generic.authentic(ours(), [SECRET])
    assert not generic.authentic(ours(6), [SECRET])
    assert not generic.authentic(ours(), [b"other"])
    assert not generic.authentic(delivery(DOCUMENT), [SECRET])
    assert generic.delivery_id(ours()).startswith("sha256=")


def test_a_standard_signature_is_one_as_well() -> None:
    assert generic.authentic(standard(DOCUMENT), [SECRET])
    assert generic.delivery_id(standard(DOCUMENT)) == "msg_1"


def test_a_document_names_the_repository() -> None:
    assert generic.push(ours(), DOCUMENT) == Push(urls=(CLONE,), tips=(("refs/heads/main", COMMIT),))
    assert generic.push(ours(), {"repository": CLONE}) == Push(urls=(CLONE,))
