"""Signs artifacts in the forms of cosign's specification."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gitops_agent.errors import SourceError
from gitops_agent.oci.cosign.policy import CosignPolicy, verify
from gitops_agent.oci.cosign.statement import BUNDLE, SIGNATURE, SIMPLE_SIGNING
from gitops_agent.oci.registry import Registries, Registry
from tests.oci.artifacts import Artifact, artifact
from tests.oci.fake_registry import FakeRegistry

PREDICATE = "https://sigstore.dev/cosign/sign/v1"
PAYLOAD = "application/vnd.in-toto+json"
CHART = artifact((b"chart", "x/y"))
"""What is signed, in the repository `web`."""


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def public(key: Any) -> bytes:
    """The public half in PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


def signer() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def ecdsa(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def payload(digest: str, kind: str = "cosign container image signature") -> bytes:
    image = {"docker-manifest-digest": digest}
    critical = {"identity": {"docker-reference": "registry.example.com/web"}, "image": image, "type": kind}
    return json.dumps({"critical": critical, "optional": None}).encode()


def simple(key: ec.EllipticCurvePrivateKey, digest: str, **fields: Any) -> Artifact:
    """What cosign 2 stores at the tag `sha256-….sig`, or attaches."""
    text = payload(digest)
    return artifact((text, SIMPLE_SIGNING, {SIGNATURE: b64(ecdsa(key, text))}), **fields)


def envelope(
    key: ec.EllipticCurvePrivateKey, digest: str, *, predicate: str = PREDICATE, kind: str = PAYLOAD
) -> dict[str, Any]:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": predicate,
        "predicate": {},
    }
    text = json.dumps(statement).encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(text), text)
    return {"payload": b64(text), "payloadType": kind, "signatures": [{"sig": b64(ecdsa(key, signed)), "keyid": ""}]}


def sigstore_bundle(content: dict[str, Any]) -> bytes:
    material = {"publicKey": {"hint": "none"}, "tlogEntries": []}
    return json.dumps({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": content}).encode()


def attached(data: bytes, subject: Artifact, predicate: str = PREDICATE) -> Artifact:
    """What cosign 3 attaches to an artifact."""
    about = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicate}
    return artifact((data, BUNDLE), artifactType=BUNDLE, subject=subject.descriptor, annotations=about)


def verified(fake: FakeRegistry, policy: CosignPolicy) -> frozenset[str]:
    """The signers of the chart."""
    return verify(Registry(fake.reference("web"), shared=Registries(timeout_seconds=5)), CHART.digest, policy)


def refused(fake: FakeRegistry, policy: CosignPolicy) -> str:
    """Why the chart has too few of them."""
    with pytest.raises(SourceError) as caught:
        verified(fake, policy)
    assert caught.value.reason == "Unverified"
    return caught.value.message
