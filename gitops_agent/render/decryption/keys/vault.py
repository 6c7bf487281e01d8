"""Data keys encrypted by the transit engine of Vault or OpenBao.

The address of the Vault stands in the encrypted file, so everyone who may push could have the token sent to a host of theirs.
So only addresses are asked that the Application lists. A data key that was opened is kept in memory for an hour, for the same
token only: a Vault is asked once for a file, not once for a render.
"""

from __future__ import annotations

import re

import orjson

from gitops_agent.httpclient.message import Request
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import DataKeyCache, DirectSender, asked, data_key_of, identity_of
from gitops_agent.render.decryption.metadata import KeySlot

TOKEN, AUTHORITY = "sops.vault-token", "ca.crt"
_PATH = re.compile(r"[A-Za-z0-9_.~-]+(?:/[A-Za-z0-9_.~-]+)*")
_OK = 200
_NEVER = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")


class Vault:
    """Recipients of `hc_vault`; the token is in the key `sops.vault-token`."""

    name = "hc_vault"
    noun = "Vault key"

    def __init__(self) -> None:
        self._cache = DataKeyCache()

    def label(self, slot: KeySlot) -> str:
        """Its address and name."""
        return f"{slot.text('vault_address')[:200]}/{slot.text('engine_path')[:100]}/{slot.text('key_name')[:100]}"

    def opener(self, material: KeyMaterial) -> VaultOpener:
        """Reads the token."""
        return VaultOpener(material, self._cache)


class VaultOpener:
    """Asks the Vaults that are listed.

    Args:
        material: the token, and the addresses.
        cache: data keys that were opened before.
    """

    def __init__(self, material: KeyMaterial, cache: DataKeyCache) -> None:
        self._endpoints = frozenset(endpoint.rstrip("/") for endpoint in material.endpoints)
        self._token = material.data.get(TOKEN, b"").strip()
        self._authority = material.data.get(AUTHORITY, b"")
        self._source, self._cache = material.source, cache

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        address = slot.text("vault_address").rstrip("/")
        if address not in self._endpoints:
            raise Refused("is in a Vault that spec.render.decryption.endpoints does not list")
        if not self._token:
            raise Refused(f"needs a token: {self._source} has no key {TOKEN}")
        engine, name = slot.text("engine_path").strip("/"), slot.text("key_name")
        if not all(_PATH.fullmatch(part) and not _NEVER.search(part) for part in (engine, name)):
            raise Refused("has a name that is no path of a Vault")
        url = f"{address}/v1/{engine}/decrypt/{name}"
        identity = identity_of(url, self._token, slot.enc)
        return self._cache.opened(identity, lambda: self._asked(url, slot.enc, f"the Vault {address}"))

    def _asked(self, url: str, ciphertext: str, service: str) -> bytes:
        headers = {"X-Vault-Token": self._token.decode("latin-1"), "Content-Type": "application/json"}
        request = Request(method="POST", url=url, headers=headers, body=orjson.dumps({"ciphertext": ciphertext}))
        answer = asked(DirectSender(), request, service=service, authority=self._authority)
        if answer.status != _OK:
            raise Refused(f"is refused by its Vault ({answer.status}): let the token of {self._source} decrypt with it")
        return data_key_of(answer, "data", "plaintext", service="its Vault")
