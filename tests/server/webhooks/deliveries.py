"""Deliveries of forges, signed as each of them signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import orjson

from gitops_agent.server.webhooks.delivery import Delivery

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SECRET = b"s3cret"

CLONE, SSH, PAGE = (
    "https://git.example.com/acme/config.git",
    "git@git.example.com:acme/config.git",
    "https://git.example.com/acme/config",
)
REPOSITORY = {"clone_url": CLONE, "ssh_url": SSH, "html_url": PAGE}
PUSH = {"ref": "refs/heads/main", "after": COMMIT}

HOSTILE: list[Any] = [
    None,
    [],
    {},
    "text",
    7,
    {"repository": None},
    {"repository": []},
    {"repository": {"clone_url": 7, "ssh_url": None, "links": {"clone": {}, "html": []}}},
    {"repository": {"clone_url": "x" * 5000}},
    {"project": "x"},
    {"push": {"changes": None}},
    {"push": {"changes": [None, {"new": None}, {"new": {"target": []}}]}},
    {"changes": [7, {"ref": None}]},
    {"resource": {"refUpdates": {}}, "eventType": "git.push"},
    {"resource": {"refUpdates": [None], "repository": 7}, "eventType": ["git.push"]},
]
"""Documents that are JSON and nothing a forge would send."""


def delivery(document: Any, **headers: str) -> Delivery:
    """A delivery of a document; underscores of header names are dashes."""
    return raw_delivery(orjson.dumps(document), **headers)


def raw_delivery(body: bytes, /, **headers: str) -> Delivery:
    """A delivery of any bytes."""
    return Delivery(headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body, at=NOW)


def hexadecimal(body: bytes, secret: bytes = SECRET) -> str:
    """The HMAC-SHA256 most forges send."""
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def standard(document: Any, *, key: bytes = SECRET, at: datetime = NOW, id_: str = "msg_1", **headers: str) -> Delivery:
    """A delivery signed as Standard Webhooks defines."""
    body, stamp = orjson.dumps(document), str(int(at.timestamp()))
    proof = base64.b64encode(hmac.new(key, f"{id_}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
    signed = {"webhook_id": id_, "webhook_timestamp": stamp, "webhook_signature": f"v1,{proof}"}
    return raw_delivery(body, **signed, **headers)
