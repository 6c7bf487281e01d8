"""Data keys encrypted by AWS KMS.

The credentials are those of the Secret, never those of the node, so an Application opens what its own namespace may open. The
region of a key's ARN decides which host is asked; it is always one of AWS. A role or a profile that a file names is refused: a
file must not choose who the agent is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.aws_sigv4 import AwsKeys, signed
from gitops_agent.httpclient.message import Answer, Request
from gitops_agent.manifest import yaml
from gitops_agent.render.decryption.errors import KeyUnavailable
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.keys.service import DataKeyCache, DirectSender, Sender, asked, data_key_of, identity_of
from gitops_agent.render.decryption.metadata import KeySlot

CREDENTIALS = "sops.aws-kms"
_ID, _SECRET, _TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
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

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        arn = slot.text("arn")
        match = _ARN.fullmatch(arn)
        if match is None:
            raise Refused("has no ARN of a key in AWS, AWS China or AWS GovCloud")
        for field in ("role", "aws_profile"):
            if slot.text(field):
                raise Refused(
                    f"names the {field} {slot.text(field)[:200]}, and a file may not choose one: "
                    f"let the credentials in {CREDENTIALS} use the key themselves, and remove {field} from the file"
                )
        keys = credentials(self._material)
        context = _context(slot)
        identity = identity_of(arn, slot.enc, orjson.dumps(sorted(context.items())), keys.key_id, keys.secret, keys.token)
        partition, region = match.groups()
        url, body = f"https://kms.{region}.{_DOMAINS[partition]}/", _body(arn, slot.enc, context)
        return self._cache.opened(identity, lambda: self._asked(url, region, keys, body))

    def _asked(self, url: str, region: str, keys: AwsKeys, body: bytes) -> bytes:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Decrypt"}
        request = Request(method="POST", url=url, headers=headers, body=body)
        request = signed(request, keys, region=region, service="kms", at=self._clock())
        answer = asked(self._sender, request, service=f"AWS KMS in {region}")
        if answer.status != _OK:
            raise _refusal(answer, region, self._material.source)
        return data_key_of(answer, "Plaintext", service="AWS KMS")


def credentials(material: KeyMaterial) -> AwsKeys:
    """The credentials, in the form that Flux reads.

    Raises:
        Refused: there are none, or they are incomplete.
    """
    text = material.data.get(CREDENTIALS)
    if text is None:
        raise Refused(f"needs credentials: {material.source} has no key {CREDENTIALS}")
    try:
        documents = yaml.load_all(text)
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


def _context(slot: KeySlot) -> Mapping[str, str]:
    context = slot.fields.get("context") or {}
    if not isinstance(context, dict) or not all(isinstance(value, str) for value in context.values()):
        raise Refused("has a context that is no mapping of texts")
    return context


def _body(arn: str, enc: str, context: Mapping[str, str]) -> bytes:
    body = {"KeyId": arn, "CiphertextBlob": enc}
    return orjson.dumps({**body, "EncryptionContext": context} if context else body)


def _refusal(answer: Answer, region: str, source: str) -> Exception:
    """What an error of KMS means; only its code is quoted."""
    try:
        kind = orjson.loads(answer.body)["__type"]
        match = _CODE.fullmatch(kind)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        match = None
    code = match.group(1) if match else str(answer.status)
    if code in _LATER:
        return KeyUnavailable(f"AWS KMS in {region} answers with {code}")
    return Refused(f"is refused by AWS KMS ({code}): let the credentials in {CREDENTIALS} of {source} call kms:Decrypt with it")
