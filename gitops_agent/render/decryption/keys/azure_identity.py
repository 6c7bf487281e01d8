"""Principals of Azure, by a secret or a token of a ServiceAccount.

Both get their tokens from the same address of Microsoft; they differ in what proves them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.errors import AgentError
from gitops_agent.manifest import yaml
from gitops_agent.render.decryption.keys.account import account_of, annotation_of, token_for
from gitops_agent.render.decryption.keys.kind import Account, KeyMaterial, Refused

CREDENTIALS = "sops.azure-kv"
LOGIN_URL = "https://login.microsoftonline.com"
CLIENT, TENANT = "azure.workload.identity/client-id", "azure.workload.identity/tenant-id"
_AUDIENCE = "api://AzureADTokenExchange"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureIdentity:
    """An application of a tenant, and the proof of being it.

    Attributes:
        tenant: of Microsoft Entra.
        client: the application.
        secret: its secret; empty with an account.
        account: the ServiceAccount that it trusts; None with a secret.
        advice: what to do when no token is given.
    """

    tenant: str
    client: str
    secret: str = field(default="", repr=False)
    account: Account | None = None
    advice: str

    @property
    def parts(self) -> tuple[str, ...]:
        """What distinguishes it from others."""
        return self.tenant, self.client, self.secret, str(self.account or "")

    def proof(self) -> Mapping[str, str]:
        """The fields of a request for a token that prove it.

        Raises:
            Refused: the agent may not ask for a token of the account.
            KeyUnavailable: there may be one later.
        """
        if self.account is None:
            return {"client_secret": self.secret}
        return {"client_assertion_type": _ASSERTION, "client_assertion": token_for(self.account, _AUDIENCE)}


def azure_identity(material: KeyMaterial) -> AzureIdentity:
    """The service principal of the Secret, else that of the ServiceAccount.

    Raises:
        Refused: there is none, or it is incomplete, or of a kind that is not read.
        KeyUnavailable: the ServiceAccount cannot be read now.
    """
    if CREDENTIALS in material.data:
        return _principal(material)
    account = account_of(material, CREDENTIALS, what="a service principal")
    client, tenant = annotation_of(account, CLIENT), annotation_of(account, TENANT)
    if not (_NAME.fullmatch(client) and _NAME.fullmatch(tenant)):
        raise Refused(f"needs a service principal: {account} has no annotations {CLIENT} and {TENANT}")
    advice = f"let the application {client} trust {account} by a federated credential with the audience {_AUDIENCE}"
    return AzureIdentity(tenant=tenant, client=client, account=account, advice=advice)


def _principal(material: KeyMaterial) -> AzureIdentity:
    """The service principal, in Flux's spelling or that of `az`."""
    source = f"{CREDENTIALS} of {material.source}"
    try:
        documents = yaml.load_all(material.data[CREDENTIALS])
    except AgentError:
        documents = []
    values = documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else {}
    tenant, client, secret = (
        values.get(name) or values.get(other)
        for name, other in (("tenantId", "tenant"), ("clientId", "appId"), ("clientSecret", "password"))
    )
    if not (isinstance(tenant, str) and isinstance(client, str) and isinstance(secret, str)):
        raise Refused(f"needs a service principal: {source} has to be YAML with the texts tenantId, clientId and clientSecret")
    if not (_NAME.fullmatch(tenant) and _NAME.fullmatch(client)):
        raise Refused(f"needs a service principal: tenantId or clientId in {source} is no identifier")
    authority = values.get("authorityHost") or LOGIN_URL
    if not isinstance(authority, str) or authority.rstrip("/") != LOGIN_URL:
        raise Refused(f"needs a service principal of {LOGIN_URL}: {source} names another authorityHost")
    advice = f"let {source} hold a valid secret of a service principal"
    return AzureIdentity(tenant=tenant, client=client, secret=secret, advice=advice)
