from __future__ import annotations

import json

import pytest

from gitops_agent.oci.cosign.statement import SIGNATURE, NoStatement, bundle, simple_signing
from tests.oci.cosign.signing import PAYLOAD, b64, envelope, payload, signer, sigstore_bundle

DIGEST = "sha256:" + "a" * 64
KEY = signer()
GOOD = envelope(KEY, DIGEST)


def test_simple_signing_names_a_digest() -> None:
    statement = simple_signing(payload(DIGEST), {SIGNATURE: b64(b"signature")})

    assert (statement.signed, statement.signatures, statement.digests) == (
        payload(DIGEST),
        (b"signature",),
        frozenset({DIGEST}),
    )


def test_a_bundle_names_digests_and_signs_type_and_payload() -> None:
    statement = bundle(sigstore_bundle(GOOD))

    assert statement.digests == {DIGEST}
    assert statement.signed.startswith(b"DSSEv1 28 application/vnd.in-toto+json ")
    assert len(statement.signatures) == 1


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        (payload(DIGEST, kind="atomic container signature"), "AAAA"),
        (payload(DIGEST), "%%%"),
        (payload(DIGEST), "A"),
        (b"{}", "AAAA"),
        (b'{"critical": []}', "AAAA"),
        (b'{"critical": {"type": "cosign container image signature", "image": {}}}', "AAAA"),
        (b"[" * 5000, "AAAA"),
        (b"", "AAAA"),
        (payload(DIGEST) + payload(DIGEST), "AAAA"),
        (b'{"critical": {}, "critical": {}}', "AAAA"),
    ],
)
def test_what_is_no_simple_signing_says_nothing(data: bytes, signature: str) -> None:
    with pytest.raises(NoStatement):
        simple_signing(data, {SIGNATURE: signature})


@pytest.mark.parametrize(
    "data",
    [
        sigstore_bundle(envelope(KEY, DIGEST, predicate="https://spdx.dev/Document")),
        sigstore_bundle(envelope(KEY, DIGEST, kind="text/plain")),
        sigstore_bundle({**GOOD, "payload": "%"}),
        sigstore_bundle({**GOOD, "payload": b64(b"[]")}),
        sigstore_bundle({**GOOD, "signatures": [{"sig": 5}]}),
        json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.2", "dsseEnvelope": GOOD}).encode(),
        json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "messageSignature": {}}).encode(),
        b"{}",
        b"nonsense",
    ],
)
def test_what_is_no_bundle_of_a_signature_says_nothing(data: bytes) -> None:
    with pytest.raises(NoStatement):
        bundle(data)


def test_a_bundle_without_subjects_names_nothing() -> None:
    text = {"_type": "https://in-toto.io/Statement/v1", "subject": "x", "predicateType": "https://sigstore.dev/cosign/sign/v1"}
    content = {"payload": b64(json.dumps(text).encode()), "payloadType": PAYLOAD, "signatures": []}

    statement = bundle(sigstore_bundle(content))
    assert (statement.digests, statement.signatures) == (frozenset(), ())
