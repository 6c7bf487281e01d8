"""Principals of AWS: keys of a Secret, or a role.

A role is assumed with keys, or with a token of a ServiceAccount (IRSA).

The token service of the key's own region gives temporary keys for the role. A role that a file names is assumed only where
`spec.render.decryption.endpoints` lists it: a file alone must not choose who the agent is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import urlencode

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.aws_sigv4 import AwsKeys, signed
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.manifest import yaml
from gitops_agent.render.decryption.errors import KeyUnavailable
from gitops_agent.render.decryption.keys.account import account_of, annotation_of, token_for
from gitops_agent.render.decryption.keys.kind import Account, KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import Sender, asked
from gitops_agent.render.decryption.metadata import KeySlot

CREDENTIALS = "sops.aws-kms"
ROLE = "eks.amazonaws.com/role-arn"
_AUDIENCE = "sts.amazonaws.com"
_SESSION = "gitops-agent-sops"
_ID, _SECRET, _TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
_ROLE = re.compile(r"arn:(?:aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}")
_CODE = re.compile(rb"<Code>([A-Za-z.]{1,64})</Code>")
_LATER = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "IDPCommunicationError"})
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPlace:
    """A region of AWS, and the way to it.

    Attributes:
        sender: the way.
        region: e.g. `eu-central-1`.
        domain: of its services, e.g. `amazonaws.com`.
        clock: the time of signatures.
    """

    sender: Sender
    region: str
    domain: str
    clock: Callable[[], datetime]


class AwsPrincipal(Protocol):
    """A caller of AWS; the text names it."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What distinguishes it from others."""

    def keys(self, site: AwsPlace) -> AwsKeys:
        """Keys that sign requests.

        Raises:
            Refused: AWS gives none.
            KeyUnavailable: it may give some later.
        """


@dataclass(frozen=True, slots=True)
class StaticKeys:
    """Keys of a Secret.

    Attributes:
        held: the keys.
        source: where they are from.
    """

    held: AwsKeys
    source: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The keys themselves."""
        return self.held.key_id, self.held.secret, self.held.token

    def keys(self, site: AwsPlace) -> AwsKeys:
        """See `AwsPrincipal.keys`; the same everywhere."""
        del site
        return self.held

    def __str__(self) -> str:
        """The place of the credentials."""
        return f"the credentials in {CREDENTIALS} of {self.source}"


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A role that trusts the tokens of a ServiceAccount (IRSA)."""

    account: Account
    role: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The account and the role."""
        return str(self.account), self.role

    def keys(self, site: AwsPlace) -> AwsKeys:
        """See `AwsPrincipal.keys`; such a request is not signed."""
        form = {"WebIdentityToken": token_for(self.account, _AUDIENCE)}
        return _assumed(site, self.role, "AssumeRoleWithWebIdentity", form, keys=None, caller=str(self.account))

    def __str__(self) -> str:
        """The role."""
        return f"the role {self.role}"


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A role that another principal assumes."""

    origin: AwsPrincipal
    role: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The role and who assumes it."""
        return *self.origin.parts, self.role

    def keys(self, site: AwsPlace) -> AwsKeys:
        """See `AwsPrincipal.keys`."""
        return _assumed(site, self.role, "AssumeRole", {}, keys=self.origin.keys(site), caller=str(self.origin))

    def __str__(self) -> str:
        """The role."""
        return f"the role {self.role}"


def principal(material: KeyMaterial, slot: KeySlot) -> AwsPrincipal:
    """Who opens a slot.

    Raises:
        Refused: there are no credentials, or the file names a role that is not listed.
        KeyUnavailable: the ServiceAccount cannot be read now.
    """
    if profile := slot.text("aws_profile"):
        raise Refused(f"names the aws_profile {profile[:200]}, and a file may not choose one: remove aws_profile from the file")
    role = slot.text("role")
    if role and (role not in material.endpoints or not _ROLE.fullmatch(role)):
        raise Refused(
            f"names the role {role[:200]}, and a file may not choose one: list the ARN of the role in "
            "spec.render.decryption.endpoints, or remove role from the file"
        )
    origin = _own(material)
    return AssumedRole(origin, role) if role else origin


def _own(material: KeyMaterial) -> AwsPrincipal:
    if CREDENTIALS in material.data:
        return StaticKeys(credentials(material), material.source)
    account = account_of(material, CREDENTIALS, what="credentials")
    role = annotation_of(account, ROLE)
    if not _ROLE.fullmatch(role):
        raise Refused(f"needs credentials: {account} has no annotation {ROLE} with the ARN of a role")
    return WebIdentity(account, role)


def credentials(material: KeyMaterial) -> AwsKeys:
    """The credentials, in the form that Flux reads.

    Raises:
        Refused: they are incomplete.
    """
    try:
        documents = yaml.load_all(material.data[CREDENTIALS])
    except AgentError:
        documents = []
    values = documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else {}
    key_id, secret, token = (values.get(name, "") for name in (_ID, _SECRET, _TOKEN))
    if not (isinstance(key_id, str) and isinstance(secret, str) and isinstance(token, str) and key_id and secret):
        raise Refused(
            f"needs credentials: {CREDENTIALS} of {material.source} has to be YAML with the texts {_ID} and {_SECRET}"
        )
    if not all(part.isascii() and part.isprintable() for part in (key_id, secret, token)):
        raise Refused(f"needs credentials: {CREDENTIALS} of {material.source} holds characters that no credential has")
    return AwsKeys(key_id=key_id, secret=secret, token=token)


def _assumed(site: AwsPlace, role: str, action: str, more: Mapping[str, str], *, keys: AwsKeys | None, caller: str) -> AwsKeys:
    """Temporary keys of a role, by the token service of the region."""
    form = {"Action": action, "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": _SESSION, **more}
    url, headers = f"https://sts.{site.region}.{site.domain}/", {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request(method="POST", url=url, headers=headers, body=urlencode(form).encode())
    if keys is not None:
        request = signed(request, keys, region=site.region, service="sts", at=site.clock())
    answer = asked(site.sender, request, service=f"AWS STS in {site.region}")
    if answer.status != _OK:
        raise _refusal(answer, site.region, role, caller)
    texts = [_text(answer.body, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    if not all(texts):
        raise Refused(f"needs the role {role}, and the answer of AWS STS holds no keys")
    key_id, secret, token = texts
    return AwsKeys(key_id=key_id, secret=secret, token=token)


def _text(body: bytes, name: str) -> str:
    match = re.search(rf"<{name}>([A-Za-z0-9/+=_-]{{1,8192}})</{name}>".encode(), body)
    return match.group(1).decode() if match else ""


def _refusal(answer: Answer, region: str, role: str, caller: str) -> Exception:
    """What an error of STS means; only its code is quoted."""
    match = _CODE.search(answer.body)
    code = match.group(1).decode() if match else str(answer.status)
    if code in _LATER:
        return KeyUnavailable(f"AWS STS in {region} answers with {code}")
    return Refused(f"needs the role {role}, which AWS refuses ({code}): let its trust policy name {caller}")
