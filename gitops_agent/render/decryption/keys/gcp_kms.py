"""Data keys encrypted by Google Cloud KMS.

A service account gets a token and asks with it. The addresses of
both services are fixed: neither the file nor the key Secret can send a claim or a token elsewhere.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import orjson

from gitops_agent.httpclient.message import Request
from gitops_agent.render.decryption.keys.gcp_identity import GoogleIdentity, google_identity
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import (
    DataKeyCache,
    DirectSender,
    Sender,
    asked,
    data_key_of,
    identity_of,
)
from gitops_agent.render.decryption.metadata import KeySlot

KMS_URL = "https://cloudkms.googleapis.com/v1"
_RESOURCE = re.compile(
    r"projects/(?:[a-z0-9.-]{1,64}:)?[a-z0-9-]{1,64}/locations/[a-z0-9-]{1,64}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}"
)
_OK = 200


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
        account = google_identity(self._material)
        identity = identity_of(resource, slot.enc, *account.parts)
        return self._cache.opened(identity, lambda: self._decrypted(resource, slot.enc, account))

    def _decrypted(self, resource: str, enc: str, account: GoogleIdentity) -> bytes:
        self._token = self._token or account.access_token(self._sender, self._clock())
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = Request(
            method="POST", url=f"{KMS_URL}/{resource}:decrypt", headers=headers, body=orjson.dumps({"ciphertext": enc})
        )
        answer = asked(self._sender, request, service="Google Cloud KMS")
        if answer.status != _OK:
            raise Refused(
                f"is refused by Google Cloud KMS ({answer.status}): grant {account} the role "
                "roles/cloudkms.cryptoKeyDecrypter on it"
            )
        return data_key_of(answer, "plaintext", service="Google Cloud KMS")
