"""Data keys encrypted by Google Cloud KMS.

A service account of Google signs a claim with its private key, gets a token for it, and asks with the token. The addresses of
both services are fixed: neither the file nor the key Secret can send a claim or a token elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson

from gitops_agent.httpclient.message import Request
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import (
    DataKeyCache,
    DirectSender,
    Sender,
    asked,
    data_key_of,
    identity_of,
    token_of,
)
from gitops_agent.render.decryption.metadata import KeySlot

CREDENTIALS = "sops.gcp-kms"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
KMS_URL = "https://cloudkms.googleapis.com/v1"
_RESOURCE = re.compile(
    r"projects/(?:[a-z0-9.-]{1,64}:)?[a-z0-9-]{1,64}/locations/[a-z0-9-]{1,64}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}"
)
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_VALID_SECONDS = 600
_LONGEST_TOKEN = 8192
_OK = 200
_EMAIL = re.compile(r"[A-Za-z0-9._-]{1,128}@[A-Za-z0-9.-]{1,190}")
_UNIVERSE = "googleapis.com"


class GcpKms:
    """Recipients of `gcp_kms`; the service account is in `sops.gcp-kms`.

    Args:
        sender: the way to Google.
        clock: seconds since 1970.
    """

    name = "gcp_kms"
    noun = "Google Cloud key"

    def __init__(self, sender: Sender | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._sender, self._clock = sender or DirectSender(), clock
        self._cache = DataKeyCache()

    def label(self, slot: KeySlot) -> str:
        """Its resource name."""
        return slot.text("resource_id")[:300]

    def opener(self, material: KeyMaterial) -> GcpKmsOpener:
        """Keeps the service account until a file needs it."""
        return GcpKmsOpener(material, self._sender, self._cache, self._clock)


class GcpKmsOpener:
    """Asks Cloud KMS as a service account.

    Args:
        material: the service account.
        sender: the way to Google.
        cache: data keys that were opened before.
        clock: seconds since 1970.
    """

    def __init__(self, material: KeyMaterial, sender: Sender, cache: DataKeyCache, clock: Callable[[], float]) -> None:
        self._material, self._sender, self._cache, self._clock = material, sender, cache, clock
        self._token = ""

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        resource = slot.text("resource_id")
        if not _RESOURCE.fullmatch(resource):
            raise Refused("has no name of the form projects/…/locations/…/keyRings/…/cryptoKeys/…")
        account = service_account(self._material)
        identity = identity_of(resource, slot.enc, account.email, account.key)
        return self._cache.opened(identity, lambda: self._decrypted(resource, slot.enc, account))

    def _new_token(self, account: ServiceAccount) -> str:
        body = urlencode({"grant_type": _GRANT, "assertion": account.assertion(self._clock())}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = asked(
            self._sender, Request(method="POST", url=TOKEN_URL, headers=headers, body=body), service="Google's token service"
        )
        if answer.status != _OK:
            raise Refused(
                f"needs a token that Google refuses ({answer.status}): let {CREDENTIALS} of {self._material.source} "
                "hold a valid key of a service account"
            )
        return token_of(answer, owner="Google", longest=_LONGEST_TOKEN)

    def _decrypted(self, resource: str, enc: str, account: ServiceAccount) -> bytes:
        self._token = self._token or self._new_token(account)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = Request(
            method="POST", url=f"{KMS_URL}/{resource}:decrypt", headers=headers, body=orjson.dumps({"ciphertext": enc})
        )
        answer = asked(self._sender, request, service="Google Cloud KMS")
        if answer.status != _OK:
            raise Refused(
                f"is refused by Google Cloud KMS ({answer.status}): grant {account.email} the role "
                "roles/cloudkms.cryptoKeyDecrypter on it"
            )
        return data_key_of(answer, "plaintext", service="Google Cloud KMS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account of Google, and one of its keys.

    Attributes:
        source: where it is from, for messages.
        email: its name.
        key_id: of the key; may be empty.
        key: the private key in PEM.
    """

    source: str
    email: str
    key_id: str
    key: str = field(repr=False)

    def assertion(self, now: float) -> str:
        """A signed claim to be this account, for ten minutes.

        Raises:
            Refused: the key cannot sign.
        """
        from gitops_agent.httpclient.signed_claim import KeyInvalid, signed_claim

        claims = {"iss": self.email, "scope": _SCOPE, "aud": TOKEN_URL, "iat": int(now), "exp": int(now) + _VALID_SECONDS}
        try:
            return signed_claim(claims, self.key, key_id=self.key_id)
        except KeyInvalid:
            raise Refused(f"needs a service account: private_key in {self.source} is no RSA key in PEM") from None


def service_account(material: KeyMaterial) -> ServiceAccount:
    """The service account, in the form that Google and Flux use.

    Raises:
        Refused: there is none, or it is incomplete.
    """
    source = f"{CREDENTIALS} of {material.source}"
    text = material.data.get(CREDENTIALS)
    if text is None:
        raise Refused(f"needs a service account: {material.source} has no key {CREDENTIALS}")
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict) or values.get("type") != "service_account":
        raise Refused(f"needs a service account: {source} has to be the JSON of its key, with the type service_account")
    email, key, key_id = (values.get(name, "") for name in ("client_email", "private_key", "private_key_id"))
    if not (isinstance(email, str) and isinstance(key, str) and isinstance(key_id, str) and _EMAIL.fullmatch(email) and key):
        raise Refused(f"needs a service account: {source} has no client_email or private_key")
    if values.get("universe_domain", _UNIVERSE) != _UNIVERSE:
        raise Refused(f"needs a service account of {_UNIVERSE}: that of {source} has another universe_domain")
    return ServiceAccount(source=source, email=email, key_id=key_id, key=key)
