from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from gitops_agent.server.oidc.login import Attempt

ATTEMPT = Attempt(state="s", nonce="n", verifier="v", path="/", at=1_000)


def kept(content: Any) -> str:
    raw = content if isinstance(content, bytes) else orjson.dumps(content)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_an_attempt_comes_back_as_it_was_kept() -> None:
    assert Attempt.of(ATTEMPT.cookie()) == ATTEMPT


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 3_000,
        b'{"state":"s","nonce":"n","verifier":"v","path":"/","at":1e400}',
        b'{"state":"s","nonce":"n","verifier":"v","path":"/","at":"x"}',
        b'{"state":"s","nonce":"n","verifier":"v","path":"/","at":null}',
        b'{"state":"\\ud800","nonce":"n","verifier":"v","path":"/","at":1}',
    ],
    ids=lambda content: repr(content[-30:]),
)
def test_a_cookie_of_another_form_is_no_attempt(content: bytes) -> None:
    assert Attempt.of(kept(content)) is None


@pytest.mark.parametrize("text", ["", "é", "a", "\x00", "=" * 9], ids=repr)
def test_what_is_not_base64_is_no_attempt(text: str) -> None:
    assert Attempt.of(text) is None
