"""Data keys encrypted by Azure Key Vault.

A service principal gets a token for vaults. A file names its vault, so only hosts below `vault.azure.net` are
asked: all of them are run by Microsoft, so the owner of a vault never sees the token.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlencode, urlsplit

import orjson

from gitops_agent.httpclient.message import Request
from gitops_agent.render.decryption.keys.azure_identity import LOGIN_URL, AzureIdentity, azure_identity
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import DataKeyCache, DirectSender, Sender, asked, identity_of, token_of
from gitops_agent.render.decryption.metadata import KeySlot

_SCOPE = "https://vault.azure.net/.default"
_VERSION = "7.4"
_LONGEST_TOKEN = 16_384
_VAULT = re.compile(r"https://[A-Za-z0-9-]{1,63}\.vault\.azure\.net")
_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
_KEY_VERSION = re.compile(r"[A-Za-z0-9]{0,64}")
_OK = 200


class AzureKeyVault:
    """Recipients of `azure_kv`; the service principal is in `sops.azure-kv`.

    Args:
        sender: the way to Azure.
    """

    name = "azure_kv"
    noun = "Azure key"

    def __init__(self, sender: Sender | None = None) -> None:
        self._sender = sender or DirectSender()
        self._cache = DataKeyCache()

    def label(self, slot: KeySlot) -> str:
        """Its address."""
        return f"{slot.text('vault_url')[:200]}/keys/{slot.text('name')[:127]}"

    def opener(self, material: KeyMaterial) -> AzureKeyVaultOpener:
        """Keeps the service principal until a file needs it."""
        return AzureKeyVaultOpener(material, self._sender, self._cache)


class AzureKeyVaultOpener:
    """Asks a vault as a service principal.

    Args:
        material: the service principal.
        sender: the way to Azure.
        cache: data keys that were opened before.
    """

    def __init__(self, material: KeyMaterial, sender: Sender, cache: DataKeyCache) -> None:
        self._material, self._sender, self._cache = material, sender, cache
        self._token = ""

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        vault, name, version = slot.text("vault_url").rstrip("/"), slot.text("name"), slot.text("version")
        if not _VAULT.fullmatch(vault):
            raise Refused("is in no vault of Azure: only https://<name>.vault.azure.net is asked")
        if not (_NAME.fullmatch(name) and _KEY_VERSION.fullmatch(version)):
            raise Refused("has a name or version that no key of Azure has")
        principal = azure_identity(self._material)
        url = f"{vault}/keys/{name}/{version + '/' if version else ''}decrypt?api-version={_VERSION}"
        identity = identity_of(url, slot.enc, *principal.parts)
        return self._cache.opened(identity, lambda: self._decrypted(url, slot.enc, principal))

    def _new_token(self, principal: AzureIdentity) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": principal.client,
            **principal.proof(),
            "scope": _SCOPE,
        }
        request = Request(
            method="POST",
            url=f"{LOGIN_URL}/{principal.tenant}/oauth2/v2.0/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        answer = asked(self._sender, request, service="Microsoft's token service")
        if answer.status != _OK:
            raise Refused(f"needs a token that Microsoft refuses ({answer.status}): {principal.advice}")
        return token_of(answer, owner="Microsoft", longest=_LONGEST_TOKEN)

    def _decrypted(self, url: str, enc: str, principal: AzureIdentity) -> bytes:
        self._token = self._token or self._new_token(principal)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = orjson.dumps({"alg": "RSA-OAEP-256", "value": enc.rstrip("=")})
        service = f"Azure Key Vault {urlsplit(url).hostname}"
        answer = asked(self._sender, Request(method="POST", url=url, headers=headers, body=body), service=service)
        if answer.status != _OK:
            raise Refused(
                f"is refused by Azure Key Vault ({answer.status}): let the service principal {principal.client} decrypt with it"
            )
        try:
            value = orjson.loads(answer.body)["value"].rstrip("=")
            return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, binascii.Error, ValueError):
            raise Refused("got an answer from Azure Key Vault that holds no data key") from None
