"""Data keys encrypted by Azure Key Vault.

A service principal of the Secret gets a token for vaults. A file names its vault, so only hosts below `vault.azure.net` are
asked: all of them are run by Microsoft, so the owner of a vault never sees the token.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import orjson

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Request
from gitops_agent.manifest import yaml
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import DataKeyCache, DirectSender, Sender, asked, identity_of, token_of
from gitops_agent.render.decryption.metadata import KeySlot

CREDENTIALS = "sops.azure-kv"
LOGIN_URL = "https://login.microsoftonline.com"
_SCOPE = "https://vault.azure.net/.default"
_VERSION = "7.4"
_LONGEST_TOKEN = 16_384
_VAULT = re.compile(r"https://[A-Za-z0-9-]{1,63}\.vault\.azure\.net")
_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
_KEY_VERSION = re.compile(r"[A-Za-z0-9]{0,64}")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
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
        principal = service_principal(self._material)
        url = f"{vault}/keys/{name}/{version + '/' if version else ''}decrypt?api-version={_VERSION}"
        identity = identity_of(url, slot.enc, principal.tenant, principal.client, principal.secret)
        return self._cache.opened(identity, lambda: self._decrypted(url, slot.enc, principal))

    def _new_token(self, principal: ServicePrincipal) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": principal.client,
            "client_secret": principal.secret,
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
            raise Refused(
                f"needs a token that Microsoft refuses ({answer.status}): let {CREDENTIALS} of {self._material.source} "
                "hold a valid secret of a service principal"
            )
        return token_of(answer, owner="Microsoft", longest=_LONGEST_TOKEN)

    def _decrypted(self, url: str, enc: str, principal: ServicePrincipal) -> bytes:
        self._token = self._token or self._new_token(principal)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = orjson.dumps({"alg": "RSA-OAEP-256", "value": enc.rstrip("=")})
        answer = asked(self._sender, Request(method="POST", url=url, headers=headers, body=body), service="Azure Key Vault")
        if answer.status != _OK:
            raise Refused(
                f"is refused by Azure Key Vault ({answer.status}): let the service principal {principal.client} decrypt with it"
            )
        try:
            value = orjson.loads(answer.body)["value"].rstrip("=")
            return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, binascii.Error, ValueError):
            raise Refused("got an answer from Azure Key Vault that holds no data key") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePrincipal:
    """An application of a tenant, and its secret."""

    tenant: str
    client: str
    secret: str = field(repr=False)


def service_principal(material: KeyMaterial) -> ServicePrincipal:
    """The service principal, in Flux's spelling or that of `az`.

    Raises:
        Refused: there is none, or it is incomplete, or of a kind that is not read.
    """
    source = f"{CREDENTIALS} of {material.source}"
    text = material.data.get(CREDENTIALS)
    if text is None:
        raise Refused(f"needs a service principal: {material.source} has no key {CREDENTIALS}")
    try:
        documents = yaml.load_all(text)
    except AgentError:
        documents = []
    values = documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else {}
    tenant, client, secret = (
        values.get(name) or values.get(other)
        for name, other in (("tenantId", "tenant"), ("clientId", "appId"), ("clientSecret", "password"))
    )
    if not (isinstance(tenant, str) and isinstance(client, str) and isinstance(secret, str)):
        raise Refused(f"needs a service principal: {source} has to be YAML with the texts tenantId, clientId and clientSecret")
    if not (_TENANT.fullmatch(tenant) and _TENANT.fullmatch(client)):
        raise Refused(f"needs a service principal: tenantId or clientId in {source} is no identifier")
    authority = values.get("authorityHost") or LOGIN_URL
    if not isinstance(authority, str) or authority.rstrip("/") != LOGIN_URL:
        raise Refused(f"needs a service principal of {LOGIN_URL}: {source} names another authorityHost")
    return ServicePrincipal(tenant=tenant, client=client, secret=secret)
