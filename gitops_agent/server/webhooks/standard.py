"""Signatures as Standard Webhooks defines them: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from gitops_agent.server.webhooks.delivery import REPLAY, Delivery

SIGNING_TOKEN = b"whsec_"
_SIGNATURES = 8
"""Signatures of one delivery that are checked; senders give two while a key is exchanged."""


def signed(delivery: Delivery, keys: Sequence[bytes]) -> bool:
    """Whether a key made one of the signatures, a short time ago."""
    id_, stamp = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    if not id_ or not recent(delivery, stamp):
        return False
    content = f"{id_}.{stamp}.".encode() + delivery.body
    given = [part.removeprefix("v1,").encode() for part in delivery.header("webhook-signature").split()[:_SIGNATURES]]
    proofs = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()) for key in keys]
    equal = [hmac.compare_digest(proof, signature) for proof in proofs for signature in given]
    return any(equal)


def recent(delivery: Delivery, stamp: str) -> bool:
    """Whether seconds since 1970 are within five minutes of our clock."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:  # noqa: PLR2004 - thirty thousand years
        return False
    return abs(delivery.at.timestamp() - int(stamp)) <= REPLAY.total_seconds()
