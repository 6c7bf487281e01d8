"""Only hosts of AWS are asked, with the credentials of the Secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_agent.httpclient.aws_sigv4 import AwsKeys, signed
from gitops_agent.httpclient.message import Request
from gitops_agent.render.decryption.decryptor import decrypt
from gitops_agent.render.decryption.errors import DecryptionFailed, KeyUnavailable
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.keys.aws_kms import AwsKms
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from gitops_agent.render.decryption.metadata import KeySlot
from tests.notify.receiver import Handler, Receiver, Told
from tests.render.decryption.keys.cloud import Detour
from tests.render.decryption.sops import PROGRAM

KEY = bytes(range(32))
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
AWS = AwsKeys(key_id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG")
CREDENTIALS = b"aws_access_key_id: AKIDEXAMPLE\naws_secret_access_key: wJalrXUtnFEMI/K7MDENG\n"


def signature_of(received: Told, keys: AwsKeys, region: str) -> str:
    """What the service computes for a request that came in."""
    names = received.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = {name: received.headers[name] for name in names if name not in {"host", "x-amz-date", "x-amz-security-token"}}
    request = Request(
        method=received.method, url=f"https://{received.headers['host']}{received.path}", headers=headers, body=received.body
    )
    at = datetime.strptime(received.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed(request, keys, region=region, service="kms", at=at).headers["Authorization"]


def kms(request: Told, handler: Handler) -> None:
    """Encrypts by base64 and decrypts what has its own key and context."""
    content = json.loads(request.body)
    if request.headers["x-amz-target"] == "TrentService.Encrypt":
        blob = base64.b64encode(json.dumps([content["KeyId"], content.get("EncryptionContext"), content["Plaintext"]]).encode())
        handler.answer(200, json.dumps({"CiphertextBlob": blob.decode(), "KeyId": content["KeyId"]}).encode())
        return
    arn, context, plaintext = json.loads(base64.b64decode(content["CiphertextBlob"]))
    if (arn, context) != (content["KeyId"], content.get("EncryptionContext")):
        handler.answer(400, b'{"__type":"InvalidCiphertextException"}')
        return
    handler.answer(200, json.dumps({"Plaintext": plaintext, "KeyId": arn}).encode())


def slot(arn: str = ARN, context: Mapping[str, str] | None = None, more: Mapping[str, str] | None = None) -> KeySlot:
    enc = base64.b64encode(json.dumps([arn, context, base64.b64encode(KEY).decode()]).encode()).decode()
    return KeySlot(kind="kms", enc=enc, fields={"arn": arn, "enc": enc, "aws_profile": "", "context": context, **(more or {})})


def keyring(kind: AwsKms, credentials: bytes = CREDENTIALS) -> Keyring:
    data = {"sops.aws-kms": credentials} if credentials else {}
    return Keyring(KeyMaterial(source="the Secret keys", data=data), kinds=[kind])


def test_the_kms_of_the_region_is_asked_once_with_a_valid_signature() -> None:
    with Receiver(kms) as receiver:
        way = Detour(receiver)
        kind = AwsKms(way)
        for _ in range(3):
            assert keyring(kind).data_key([slot(context={"app": "shop"})], file="a.yaml") == KEY
        [request] = receiver.told
    assert way.addresses == ["https://kms.eu-central-1.amazonaws.com"]
    assert (request.method, request.path, request.headers["host"]) == ("POST", "/", "kms.eu-central-1.amazonaws.com")
    assert request.headers["x-amz-target"] == "TrentService.Decrypt"
    assert request.json["EncryptionContext"] == {"app": "shop"}
    assert request.headers["authorization"] == signature_of(request, AWS, "eu-central-1")


def test_a_session_token_is_sent_and_signed() -> None:
    with Receiver(kms) as receiver:
        keyring(AwsKms(Detour(receiver)), CREDENTIALS + b"aws_session_token: temporary\n").data_key([slot()], file="a.yaml")
        [request] = receiver.told
    keys = AwsKeys(key_id=AWS.key_id, secret=AWS.secret, token="temporary")
    assert request.headers["x-amz-security-token"] == "temporary"
    assert request.headers["authorization"] == signature_of(request, keys, "eu-central-1")


def test_other_credentials_ask_again() -> None:
    with Receiver(kms) as receiver:
        kind = AwsKms(Detour(receiver))
        for credentials in (CREDENTIALS, CREDENTIALS.replace(b"AKID", b"BKID")):
            keyring(kind, credentials).data_key([slot()], file="a.yaml")
        assert len(receiver.told) == 2


@pytest.mark.parametrize(
    ("arn", "address"),
    [
        (ARN.replace(":aws:", ":aws-cn:").replace("eu-central-1", "cn-north-1"), "https://kms.cn-north-1.amazonaws.com.cn"),
        (ARN.replace(":aws:", ":aws-us-gov:").replace("eu-central", "us-gov-west"), "https://kms.us-gov-west-1.amazonaws.com"),
    ],
)
def test_other_partitions_have_other_hosts(arn: str, address: str) -> None:
    with Receiver(kms) as receiver:
        way = Detour(receiver)
        keyring(AwsKms(way)).data_key([slot(arn)], file="a.yaml")
    assert way.addresses == [address]


@pytest.mark.parametrize(
    "arn",
    [
        ARN.replace("eu-central-1", "evil.example.com/"),
        ARN.replace("eu-central-1", "x@evil-1"),
        ARN.replace(":aws:", ":evil:"),
        "",
    ],
)
def test_an_arn_that_leads_elsewhere_is_refused(arn: str) -> None:
    with Receiver(kms) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match="has no ARN of a key in AWS"):
            keyring(AwsKms(way)).data_key([slot(arn)], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize("field", ["role", "aws_profile"])
def test_a_file_may_not_choose_who_the_agent_is(field: str) -> None:
    with Receiver(kms) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match=f"names the {field} admin, and a file may not choose one"):
            keyring(AwsKms(way)).data_key([slot(more={field: "admin"})], file="a.yaml")
    assert not way.addresses


@pytest.mark.parametrize(
    ("credentials", "text"),
    [
        (b"", r"the Secret keys has no key sops\.aws-kms"),
        (b"aws_access_key_id: AKID", "aws_secret_access_key"),
        (b"[s3cr3t", "has to be YAML"),
        (
            b"aws_access_key_id: 's3cr3t\\n'\naws_secret_access_key: \"s3cr3t\\r\\nX-Evil: 1\"",
            "characters that no credential has",
        ),
    ],
)
def test_credentials_that_cannot_be_used_are_named(credentials: bytes, text: str) -> None:
    with Receiver(kms) as receiver:
        way = Detour(receiver)
        with pytest.raises(DecryptionFailed, match=text) as caught:
            keyring(AwsKms(way), credentials).data_key([slot()], file="a.yaml")
    assert not way.addresses
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(("status", "code"), [(400, "ThrottlingException"), (500, "KMSInternalException"), (429, "")])
def test_a_busy_kms_may_answer_later(status: int, code: str) -> None:
    busy = Receiver(lambda _, handler: handler.answer(status, json.dumps({"__type": code}).encode()))
    with busy as receiver, pytest.raises(KeyUnavailable, match=r"a\.yaml: AWS KMS in eu-central-1 answers with"):
        keyring(AwsKms(Detour(receiver))).data_key([slot()], file="a.yaml")


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (
            400,
            b'{"__type":"com.amazonaws.kms#AccessDeniedException","message":"x"}',
            r"refused by AWS KMS \(AccessDeniedException\)",
        ),
        (403, b"<html>", r"refused by AWS KMS \(403\)"),
        (200, b"{}", "no data key"),
        (200, b"[]", "no data key"),
    ],
)
def test_a_kms_that_refuses_is_named(status: int, body: bytes, text: str) -> None:
    refusing = Receiver(lambda _, handler: handler.answer(status, body))
    with refusing as receiver, pytest.raises(DecryptionFailed, match=text) as caught:
        keyring(AwsKms(Detour(receiver))).data_key([slot()], file="a.yaml")
    assert AWS.secret not in str(caught.value)


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "password: wonderland\n"), ("a.env", "PASSWORD=wonderland\n")])
def test_a_file_that_sops_encrypted_with_kms(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text)
    with Receiver(kms) as receiver:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{receiver.port}",
            "AWS_ACCESS_KEY_ID": AWS.key_id,
            "AWS_SECRET_ACCESS_KEY": AWS.secret,
        }
        options = ["--config", os.devnull, "--encrypt", "--kms", ARN, "--encryption-context", "app:shop,team:web"]
        encrypted = subprocess.run([PROGRAM, *options, file], capture_output=True, env=env, check=True).stdout
        plaintext = decrypt(name, encrypted, keyring(AwsKms(Detour(receiver))))
        by_sops, by_us = receiver.told
    assert plaintext is not None
    assert plaintext.data == text.encode()
    assert by_sops.headers["x-amz-target"] == "TrentService.Encrypt"
    assert by_sops.json["EncryptionContext"] == by_us.json["EncryptionContext"] == {"app": "shop", "team": "web"}
