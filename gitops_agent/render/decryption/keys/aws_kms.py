"""Data keys encrypted by AWS KMS.

The credentials are those of the Secret or of a ServiceAccount that the Application names, never those of the node, so an
Application opens what its own namespace may open. The region of a key's ARN decides which host is asked; it is always one of
AWS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

from gitops_agent.httpclient.aws_sigv4 import AwsKeys, signed
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.render.decryption.errors import KeyUnavailable
from gitops_agent.render.decryption.keys.aws_principal import AwsPlace, AwsPrincipal, principal
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import DataKeyCache, DirectSender, Sender, asked, data_key_of, identity_of
from gitops_agent.render.decryption.metadata import KeySlot

_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):kms:([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}):[0-9]{12}:(?:key|alias)/[A-Za-z0-9/_-]{1,256}"
)
_DOMAINS = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}
_OK = 200
_CODE = re.compile(r"(?:[A-Za-z0-9.]+#)?([A-Za-z]{1,64})")
_LATER = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded", "LimitExceededException"})


def _now() -> datetime:
    return datetime.now(UTC)


class AwsKms:
    """Recipients of `kms`; the credentials are in the key `sops.aws-kms`.

    Args:
        sender: the way to AWS.
        clock: the time of signatures.
    """

    name = "kms"
    noun = "AWS key"

    def __init__(self, sender: Sender | None = None, *, clock: Callable[[], datetime] = _now) -> None:
        self._sender, self._clock = sender or DirectSender(), clock
        self._cache = DataKeyCache()

    def label(self, slot: KeySlot) -> str:
        """Its ARN."""
        return slot.text("arn")[:300]

    def opener(self, material: KeyMaterial) -> AwsKmsOpener:
        """Keeps the credentials until a file needs them."""
        return AwsKmsOpener(material, self._sender, self._cache, self._clock)


class AwsKmsOpener:
    """Asks the KMS of a key's region.

    Args:
        material: the credentials.
        sender: the way to AWS.
        cache: data keys that were opened before.
        clock: the time of signatures.
    """

    def __init__(self, material: KeyMaterial, sender: Sender, cache: DataKeyCache, clock: Callable[[], datetime]) -> None:
        self._material, self._sender, self._cache, self._clock = material, sender, cache, clock
        self._keys: dict[AwsPrincipal, AwsKeys] = {}

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        arn = slot.text("arn")
        match = _ARN.fullmatch(arn)
        if match is None:
            raise Refused("has no ARN of a key in AWS, AWS China or AWS GovCloud")
        caller = principal(self._material, slot)
        context = _context(slot)
        identity = identity_of(arn, slot.enc, orjson.dumps(sorted(context.items())), *caller.parts)
        partition, region = match.groups()
        site = AwsPlace(sender=self._sender, region=region, domain=_DOMAINS[partition], clock=self._clock)
        return self._cache.opened(identity, lambda: self._asked(site, caller, _body(arn, slot.enc, context)))

    def _asked(self, site: AwsPlace, caller: AwsPrincipal, body: bytes) -> bytes:
        if caller not in self._keys:
            self._keys[caller] = caller.keys(site)
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Decrypt"}
        request = Request(method="POST", url=f"https://kms.{site.region}.{site.domain}/", headers=headers, body=body)
        request = signed(request, self._keys[caller], region=site.region, service="kms", at=site.clock())
        answer = asked(site.sender, request, service=f"AWS KMS in {site.region}")
        if answer.status != _OK:
            raise _refusal(answer, site.region, caller)
        return data_key_of(answer, "Plaintext", service="AWS KMS")


def _context(slot: KeySlot) -> Mapping[str, str]:
    context = slot.fields.get("context") or {}
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise Refused("has a context that is no mapping of texts")
    return context


def _body(arn: str, enc: str, context: Mapping[str, str]) -> bytes:
    body = {"KeyId": arn, "CiphertextBlob": enc}
    return orjson.dumps({**body, "EncryptionContext": context} if context else body)


def _refusal(answer: Answer, region: str, caller: AwsPrincipal) -> Exception:
    """What an error of KMS means; only its code is quoted."""
    try:
        kind = orjson.loads(answer.body)["__type"]
        match = _CODE.fullmatch(kind)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        match = None
    code = match.group(1) if match else str(answer.status)
    if code in _LATER:
        return KeyUnavailable(f"AWS KMS in {region} answers with {code}")
    return Refused(f"is refused by AWS KMS ({code}): let {caller} call kms:Decrypt with it")
