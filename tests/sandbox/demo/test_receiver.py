from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from gitops_agent.notify.signed_post import signature
from gitops_agent.sandbox.demo.receiver import Receiver

KEY, STAMP = "a shared secret", "1760000000"
BODY = json.dumps({"event": "Synced", "title": "shop is synced"}).encode()


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def receiver(told: list[dict[str, Any]]) -> Iterator[Receiver]:
    receiver = Receiver(KEY, told.append)
    yield receiver
    receiver.stop()


def post(receiver: Receiver, **headers: str) -> int:
    """The status; headers by the last word of their name."""
    named = {f"X-Gitops-Agent-{name.title()}": value for name, value in headers.items()}
    with urllib3.PoolManager(retries=False, timeout=60) as pool:
        return pool.request("POST", receiver.url, body=BODY, headers=named).status


def test_what_the_notifier_signs_is_genuine(receiver: Receiver, told: list[dict[str, Any]]) -> None:
    status = post(receiver, timestamp=STAMP, signature=signature(KEY.encode(), STAMP, BODY))

    assert status == 204
    assert told == receiver.messages == [{"event": "Synced", "title": "shop is synced"}]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"timestamp": STAMP},
        {"timestamp": STAMP, "signature": "sha256=00"},
        {"timestamp": STAMP, "signature": signature(b"another secret", STAMP, BODY)},
        {"timestamp": STAMP, "signature": signature(KEY.encode(), STAMP, BODY + b" ")},
        {"timestamp": "1760009999", "signature": signature(KEY.encode(), STAMP, BODY)},
    ],
    ids=["unsigned", "without signature", "nonsense", "other secret", "other body", "other time"],
)
def test_anything_else_is_forged(receiver: Receiver, told: list[dict[str, Any]], headers: dict[str, str]) -> None:
    assert post(receiver, **headers) == 401
    assert (receiver.forged, receiver.messages, told) == (1, [], [])
