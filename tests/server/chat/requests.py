"""Requests as Slack sends and signs them."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from gitops_agent.server.webhooks.delivery import Delivery

SECRET = b"8f742231b10e8888abcd99yyyzzz85a5"
TEAM, DANA, LI = "T0ACME", "U0DANA", "U0LI"
ANSWERS = "https://hooks.slack.com/commands/T0ACME/1/abc"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def slash(text: str, **fields: str) -> bytes:
    """The body of a slash command."""
    base = {"command": "/gitops", "text": text, "team_id": TEAM, "user_id": DANA, "response_url": ANSWERS}
    return urlencode(base | fields).encode()


def click(value: Any, **fields: Any) -> bytes:
    """The body of a click on a button."""
    payload = {
        "type": "block_actions",
        "team": {"id": TEAM},
        "user": {"id": DANA, "team_id": TEAM},
        "actions": [{"action_id": "a", "value": value}],
        "response_url": ANSWERS,
    }
    return urlencode({"payload": orjson.dumps(payload | fields).decode()}).encode()


def signed(body: bytes, *, secret: bytes = SECRET, at: datetime | None = None) -> dict[str, str]:
    """The headers of a request."""
    stamp = str(int((at or datetime.now(UTC)).timestamp()))
    proof = hmac.new(secret, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={proof}",
    }


def delivered(body: bytes, headers: Mapping[str, str], at: datetime = NOW) -> Delivery:
    """A request as it came."""
    return Delivery(headers=headers, body=body, at=at)
