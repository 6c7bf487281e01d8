from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from gitops_agent.httpclient.signed_claim import KeyInvalid, KeyTooWeak, read_key, signed_claim
from tests.source.github_api import pem, private_key

KEY = private_key()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(("key_id", "more"), [("", {}), ("k1", {"kid": "k1"})])
def test_a_claim_is_signed_with_its_header(key_id: str, more: dict[str, str]) -> None:
    head, claims, signature = signed_claim({"iss": "me", "exp": 7}, pem(KEY), key_id=key_id).split(".")

    assert json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT", **more}
    assert json.loads(decoded(claims)) == {"iss": "me", "exp": 7}
    KEY.public_key().verify(decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())


def test_a_text_that_is_no_key_is_told_from_a_weak_key() -> None:
    with pytest.raises(KeyInvalid) as caught:
        read_key("secret-4711")
    assert not isinstance(caught.value, KeyTooWeak)
    with pytest.raises(KeyTooWeak):
        read_key(pem(private_key(1024)))


def test_a_key_is_read_once() -> None:
    assert read_key(pem(KEY)) is read_key(pem(KEY))
