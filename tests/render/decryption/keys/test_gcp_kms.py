"""Google Cloud KMS is asked with a token of a service account."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gitops_agent.render.decryption.errors import DecryptionFailed, KeyUnavailable
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.gcp_kms import GcpKms
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from gitops_agent.render.decryption.metadata import KeySlot
from tests.notify.receiver import Handler, Receiver, Told
from tests.render.decryption.keys.cloud import Detour

KEY = bytes(range(32))
RESOURCE = "projects/shop-1/locations/europe-west3/keyRings/sops/cryptoKeys/shop"
ENC = "CiQAZ2No"
NOW = 1_790_000_000.0


@cache
def private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def account(**fields: Any) -> bytes:
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    content = {
        "type": "service_account",
        "private_key_id": "abc",
        "private_key": pem,
        "client_email": "sops@shop-1.iam.gserviceaccount.com",
        "token_uri": "https://token.evil.example",
    }
    return json.dumps({**content, **fields}).encode()


def google(request: Told, handler: Handler) -> None:
    """Gives a token, and decrypts with it."""
    if request.path == "/token":
        handler.answer(200, b'{"access_token":"ya29.t0ken","expires_in":3599,"token_type":"Bearer"}')
    else:
        handler.answer(200, json.dumps({"plaintext": base64.b64encode(KEY).decode()}).encode())


def slot(resource: str = RESOURCE, enc: str = ENC) -> KeySlot:
    return KeySlot(kind="gcp_kms", enc=enc, fields={"resource_id": resource, "enc": enc})


def keyring(kind: GcpKms, credentials: bytes | None = None) -> Keyring:
    data = {"sops.gcp-kms": account() if credentials is None else credentials} if credentials != b"" else {}
    return Keyring(KeyMaterial(source="the Secret keys", data=data), kinds=[kind])


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_key_is_asked_once_with_a_token_for_a_signed_claim() -> None:
    with Receiver(google) as receiver:
        way = Detour(receiver)
        kind = GcpKms(way, clock=lambda: NOW)
        for _ in range(3):
            assert keyring(kind).data_key([slot()], file="a.yaml") == KEY
        for_token, for_key = receiver.told
    assert way.addresses == ["https://oauth2.googleapis.com", "https://cloudkms.googleapis.com"]
    form = parse_qs(for_token.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    header, claims, signature = form["assertion"][0].split(".")
    private_key().public_key().verify(decoded(signature), f"{header}.{claims}".encode(), PKCS1v15(), SHA256())
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "abc"}
    assert json.loads(decoded(claims)) == {
        "iss": "sops@shop-1.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloudkms",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": int(NOW),
        "exp": int(NOW) + 600,
    }
    assert (for_key.method, for_key.path) == ("POST", f"/v1/{RESOURCE}:decrypt")
    assert for_key.headers["authorization"] == "Bearer ya29.t0ken"
    assert for_key.json == {"ciphertext": ENC}


def test_one_token_serves_all_files_of_a_render() -> None:
    with Receiver(google) as receiver:
        keys = keyring(GcpKms(Detour(receiver)))
        for enc in ("CiQA", "CiQB"):
            keys.data_key([slot(enc=enc)], file="a.yaml")
        assert [request.path for request in receiver.told].count("/token") == 1


@pytest.mark.parametrize("resource", ["", "../token", RESOURCE + "/../x", RESOURCE + "?a=b", RESOURCE.replace("shop-1", "a/b")])
def test_a_name_that_leads_elsewhere_is_refused(resource: str) -> None:
    with Receiver(google) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match="has no name of the form projects/"):
            keyring(GcpKms(way)).data_key([slot(resource)], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize(
    ("credentials", "text"),
    [
        (b"", r"the Secret keys has no key sops\.gcp-kms"),
        (b"{s3cr3t", "with the type service_account"),
        (b'{"type":"external_account","credential_source":{"file":"s3cr3t"}}', "with the type service_account"),
        (b'{"type":"service_account","private_key":"s3cr3t"}', "has no client_email or private_key"),
        (account(private_key="s3cr3t"), "private_key in sops.gcp-kms of the Secret keys is no RSA key"),
        (account(universe_domain="s3cr3t.example"), "has another universe_domain"),
    ],
)
def test_credentials_that_cannot_be_used_are_named(credentials: bytes, text: str) -> None:
    with Receiver(google) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match=text) as caught:
            keyring(GcpKms(way), credentials).data_key([slot()], file="a.yaml")
    assert not way.addresses
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "status", "body", "text"),
    [
        ("/token", 400, b'{"error":"invalid_grant"}', r"needs a token that Google refuses \(400\)"),
        ("/token", 200, b"{}", "answer holds none"),
        ("/v1", 403, b"{}", r"is refused by Google Cloud KMS \(403\): grant sops@shop-1"),
        ("/v1", 200, b"{}", "holds no data key"),
    ],
)
def test_a_refusal_is_named(path: str, status: int, body: bytes, text: str) -> None:
    def refuse(request: Told, handler: Handler) -> None:
        if request.path.startswith(path):
            handler.answer(status, body)
        else:
            google(request, handler)

    with Receiver(refuse) as receiver, pytest.raises(DecryptionFailed, match=text) as caught:
        keyring(GcpKms(Detour(receiver))).data_key([slot()], file="a.yaml")
    assert "t0ken" not in str(caught.value)


@pytest.mark.parametrize("path", ["/token", "/v1"])
def test_a_busy_service_may_answer_later(path: str) -> None:
    def busy(request: Told, handler: Handler) -> None:
        if request.path.startswith(path):
            handler.answer(503)
        else:
            google(request, handler)

    with Receiver(busy) as receiver, pytest.raises(KeyUnavailable, match="answers with 503"):
        keyring(GcpKms(Detour(receiver))).data_key([slot()], file="a.yaml")
