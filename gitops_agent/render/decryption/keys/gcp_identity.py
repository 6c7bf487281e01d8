"""Principals of Google, by a key or a token of a ServiceAccount.

Google's token service exchanges a token of the cluster for one of its own. On GKE the cluster's own pool is taken, which the
issuer of the token names; elsewhere the provider that the ServiceAccount names.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import orjson

from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.render.decryption.keys.account import account_of, annotation_of, token_for
from gitops_agent.render.decryption.keys.kind import Account, KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import Sender, asked, token_of

CREDENTIALS = "sops.gcp-kms"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
EXCHANGE_URL = "https://sts.googleapis.com/v1/token"
IMPERSONATE_URL = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
EMAIL, PROVIDER = "iam.gke.io/gcp-service-account", "gcp.auth.fluxcd.io/workload-identity-provider"
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_ANY_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_JWT, _ACCESS = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:access_token"
_VALID_SECONDS = 600
_LONGEST_TOKEN = 16_384
_OK = 200
_EMAIL = re.compile(r"[A-Za-z0-9._-]{1,128}@[A-Za-z0-9.-]{1,190}")
_PROVIDER = re.compile(r"projects/[0-9]{1,30}/locations/global/workloadIdentityPools/[a-z0-9-]{1,64}/providers/[a-z0-9-]{1,64}")
_GKE = re.compile(
    r"https://container\.googleapis\.com/v1/projects/([a-z0-9-]{1,64})/(?:locations|zones)/[a-z0-9-]{1,64}/clusters/[a-z0-9-]{1,64}"
)
_UNIVERSE = "googleapis.com"


class GoogleIdentity(Protocol):
    """A principal at Google; the text names it."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What distinguishes it from others."""

    def access_token(self, sender: Sender, now: float) -> str:
        """A token that calls services of Google.

        Raises:
            Refused: there is none.
            KeyUnavailable: there may be one later.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Federated:
    """A ServiceAccount of the cluster, by Workload Identity Federation.

    Attributes:
        account: the ServiceAccount.
        email: the account of Google that it impersonates; empty for none.
        provider: the provider of a pool; empty on GKE.
    """

    account: Account
    email: str
    provider: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The accounts and the provider."""
        return str(self.account), self.email, self.provider

    def access_token(self, sender: Sender, now: float) -> str:
        """See `GoogleIdentity.access_token`."""
        del now
        audience, token = self._subject()
        body = {
            "grantType": _EXCHANGE,
            "audience": audience,
            "scope": _ANY_SCOPE if self.email else _SCOPE,
            "requestedTokenType": _ACCESS,
            "subjectToken": token,
            "subjectTokenType": _JWT,
        }
        answer = _posted(sender, EXCHANGE_URL, body)
        if answer.status != _OK:
            raise Refused(f"needs a token that Google refuses ({answer.status}): let {audience} trust {self.account}")
        token = token_of(answer, owner="Google", longest=_LONGEST_TOKEN)
        if not self.email:
            return token
        answer = _posted(sender, f"{IMPERSONATE_URL}/{self.email}:generateAccessToken", {"scope": [_SCOPE]}, token)
        if answer.status != _OK:
            raise Refused(
                f"needs a token of {self.email} that Google refuses ({answer.status}): "
                f"grant {self.account} the role roles/iam.workloadIdentityUser on it"
            )
        return token_of(answer, "accessToken", owner="Google", longest=_LONGEST_TOKEN)

    def _subject(self) -> tuple[str, str]:
        """The audience of the exchange, and a token for it."""
        if self.provider:
            return f"//iam.googleapis.com/{self.provider}", token_for(
                self.account, f"https://iam.googleapis.com/{self.provider}"
            )
        issuer = _issuer(token_for(self.account, EXCHANGE_URL))
        match = _GKE.fullmatch(issuer)
        if match is None:
            raise Refused(
                f"needs a service account: this cluster is not on GKE, so {self.account} needs the annotation {PROVIDER} "
                "with projects/…/locations/global/workloadIdentityPools/…/providers/…"
            )
        pool = f"{match.group(1)}.svc.id.goog"
        return f"identitynamespace:{pool}:{issuer}", token_for(self.account, pool)

    def __str__(self) -> str:
        """The account of Google, else that of the cluster."""
        return self.email or str(self.account)


def _posted(sender: Sender, url: str, body: object, token: str = "") -> Answer:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = Request(method="POST", url=url, headers=headers, body=orjson.dumps(body))
    return asked(sender, request, service="Google's token service")


def _issuer(token: str) -> str:
    """The issuer of a token; empty where that cannot be read."""
    try:
        part = token.split(".")[1]
        return str(orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["iss"])
    except (IndexError, KeyError, TypeError, ValueError):
        return ""


def google_identity(material: KeyMaterial) -> GoogleIdentity:
    """The service account of the Secret, else the ServiceAccount.

    Raises:
        Refused: there is none, or it is incomplete.
        KeyUnavailable: the ServiceAccount cannot be read now.
    """
    if CREDENTIALS in material.data:
        return _service_account(material)
    account = account_of(material, CREDENTIALS, what="a service account")
    email, provider = annotation_of(account, EMAIL), annotation_of(account, PROVIDER)
    if (email and not _EMAIL.fullmatch(email)) or (provider and not _PROVIDER.fullmatch(provider)):
        raise Refused(f"needs a service account: the annotation {EMAIL} or {PROVIDER} of {account} is not well-formed")
    return Federated(account=account, email=email, provider=provider)


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

    @property
    def parts(self) -> tuple[str, ...]:
        """Its name and key."""
        return self.email, self.key

    def access_token(self, sender: Sender, now: float) -> str:
        """See `GoogleIdentity.access_token`."""
        body = urlencode({"grant_type": _GRANT, "assertion": self.assertion(now)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request(method="POST", url=TOKEN_URL, headers=headers, body=body)
        answer = asked(sender, request, service="Google's token service")
        if answer.status != _OK:
            raise Refused(
                f"needs a token that Google refuses ({answer.status}): let {self.source} hold a valid key of a service account"
            )
        return token_of(answer, owner="Google", longest=_LONGEST_TOKEN)

    def __str__(self) -> str:
        """Its name."""
        return self.email

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


def _service_account(material: KeyMaterial) -> ServiceAccount:
    """The service account, in the form that Google and Flux use.

    Raises:
        Refused: it is incomplete.
    """
    source = f"{CREDENTIALS} of {material.source}"
    try:
        values = orjson.loads(material.data[CREDENTIALS])
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
