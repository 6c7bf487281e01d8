"""Azure Key Vault is asked with a token of a service principal."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs

import pytest

from gitops_agent.render.decryption.errors import DecryptionFailed, KeyUnavailable
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.azure_kv import AzureKeyVault
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from gitops_agent.render.decryption.metadata import KeySlot
from tests.notify.receiver import Handler, Receiver, Told
from tests.render.decryption.keys.cloud import Detour

KEY = bytes(range(224, 256))
VAULT = "https://shop.vault.azure.net"
PRINCIPAL = b"tenantId: 1111-aaaa\nclientId: 2222-bbbb\nclientSecret: s3cr3t~&+\n"


def azure(request: Told, handler: Handler) -> None:
    """Gives a token, and decrypts with it."""
    if request.path.endswith("/oauth2/v2.0/token"):
        handler.answer(200, b'{"access_token":"ey.t0ken","expires_in":3599,"token_type":"Bearer"}')
    else:
        handler.answer(200, json.dumps({"value": base64.urlsafe_b64encode(KEY).decode().rstrip("=")}).encode())


def slot(vault: str = VAULT, name: str = "sops", version: str = "0a1b", enc: str = "q-_w") -> KeySlot:
    return KeySlot(kind="azure_kv", enc=enc, fields={"vault_url": vault, "name": name, "version": version, "enc": enc})


def keyring(kind: AzureKeyVault, credentials: bytes = PRINCIPAL) -> Keyring:
    data = {"sops.azure-kv": credentials} if credentials else {}
    return Keyring(KeyMaterial(source="the Secret keys", data=data), kinds=[kind])


@pytest.mark.parametrize("vault", [VAULT, f"{VAULT}/"])
@pytest.mark.parametrize(
    "credentials", [PRINCIPAL, b'{"tenant":"1111-aaaa","appId":"2222-bbbb","password":"s3cr3t~&+","displayName":"sops"}']
)
def test_the_vault_is_asked_once_with_a_token(vault: str, credentials: bytes) -> None:
    with Receiver(azure) as receiver:
        way = Detour(receiver)
        kind = AzureKeyVault(way)
        for _ in range(3):
            assert keyring(kind, credentials).data_key([slot(vault)], file="a.yaml") == KEY
        for_token, for_key = receiver.told
    assert way.addresses == ["https://login.microsoftonline.com", VAULT]
    assert (for_token.method, for_token.path) == ("POST", "/1111-aaaa/oauth2/v2.0/token")
    assert parse_qs(for_token.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["2222-bbbb"],
        "client_secret": ["s3cr3t~&+"],
        "scope": ["https://vault.azure.net/.default"],
    }
    assert (for_key.method, for_key.path) == ("POST", "/keys/sops/0a1b/decrypt?api-version=7.4")
    assert for_key.headers["authorization"] == "Bearer ey.t0ken"
    assert for_key.json == {"alg": "RSA-OAEP-256", "value": "q-_w"}


@pytest.mark.parametrize(
    "vault",
    [
        "",
        "http://shop.vault.azure.net",
        "https://vault.azure.net.evil.example",
        "https://evil.example/.vault.azure.net",
        "https://a@evil.example#.vault.azure.net",
        "https://shop.vault.azure.net:444",
    ],
)
def test_another_host_never_gets_a_byte(vault: str) -> None:
    with Receiver(azure) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match="is in no vault of Azure"):
            keyring(AzureKeyVault(way)).data_key([slot(vault)], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize(("name", "version"), [("", "0a"), ("../secrets", "0a"), ("sops", "../../x"), ("sops", "a?b")])
def test_a_name_that_leads_elsewhere_is_refused(name: str, version: str) -> None:
    with Receiver(azure) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match="has a name or version that no key of Azure has"):
            keyring(AzureKeyVault(way)).data_key([slot(name=name, version=version)], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize(
    ("credentials", "text"),
    [
        (b"", r"the Secret keys has no key sops\.azure-kv"),
        (b"[s3cr3t", "has to be YAML"),
        (b"tenantId: a\nclientId: b\nclientCertificate: s3cr3t", "has to be YAML with the texts"),
        (b"tenantId: a/../s3cr3t\nclientId: b\nclientSecret: c", "is no identifier"),
        (PRINCIPAL + b"authorityHost: https://s3cr3t.example", "names another authorityHost"),
    ],
)
def test_credentials_that_cannot_be_used_are_named(credentials: bytes, text: str) -> None:
    with Receiver(azure) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match=text) as caught:
            keyring(AzureKeyVault(way), credentials).data_key([slot()], file="a.yaml")
    assert not way.addresses
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "status", "body", "text"),
    [
        ("/1111", 401, b'{"error":"invalid_client"}', r"needs a token that Microsoft refuses \(401\)"),
        ("/1111", 200, b"{}", "answer holds none"),
        ("/keys", 403, b"{}", r"is refused by Azure Key Vault \(403\): let the service principal 2222-bbbb decrypt"),
        ("/keys", 200, b'{"value":1}', "holds no data key"),
    ],
)
def test_a_refusal_is_named(path: str, status: int, body: bytes, text: str) -> None:
    def refuse(request: Told, handler: Handler) -> None:
        if request.path.startswith(path):
            handler.answer(status, body)
        else:
            azure(request, handler)

    with Receiver(refuse) as receiver, pytest.raises(DecryptionFailed, match=text) as caught:
        keyring(AzureKeyVault(Detour(receiver))).data_key([slot()], file="a.yaml")
    assert "t0ken" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("path", ["/1111", "/keys"])
def test_a_busy_service_may_answer_later(path: str) -> None:
    def busy(request: Told, handler: Handler) -> None:
        if request.path.startswith(path):
            handler.answer(429)
        else:
            azure(request, handler)

    with Receiver(busy) as receiver, pytest.raises(KeyUnavailable, match="answers with 429"):
        keyring(AzureKeyVault(Detour(receiver))).data_key([slot()], file="a.yaml")
