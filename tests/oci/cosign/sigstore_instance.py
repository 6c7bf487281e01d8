"""An instance of Sigstore of the test's own.

It makes what Fulcio, its log of certificates and Rekor answer, and the trusted root that vouches for them. Everything that a
signature could be wrong in is an argument, so that a test changes one thing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gitops_agent.oci.cosign.statement import BUNDLE, CERTIFICATE, ENTRY, SIGNATURE, SIMPLE_SIGNING
from tests.oci.artifacts import Artifact, artifact
from tests.oci.cosign.signing import PREDICATE, attached, b64, ecdsa, envelope, payload, signer

ACTIONS = "https://token.actions.githubusercontent.com"
RELEASE = "https://github.com/acme/charts/.github/workflows/release.yaml@refs/heads/main"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ISSUER_OID, OLD_ISSUER_OID, SCT_OID = "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1", "1.3.6.1.4.1.11129.2.4.2"
YEAR = timedelta(days=365)
MINUTES = timedelta(minutes=10)


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(spki(key)).digest()


def utf8(text: str) -> bytes:
    """A UTF8String in DER."""
    data = text.encode()
    length = bytes([len(data)]) if len(data) < 128 else b"\x82" + struct.pack("!H", len(data))
    return b"\x0c" + length + data


def octets(data: bytes) -> bytes:
    """An OCTET STRING in DER."""
    return b"\x04" + (bytes([len(data)]) if len(data) < 128 else b"\x82" + struct.pack("!H", len(data))) + data


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A certificate with its key, as a signer has it for minutes."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(kw_only=True)
class Instance:
    """The services; `until` is when the intermediate certificate expires."""

    until: datetime = NOW + YEAR
    root_key: ec.EllipticCurvePrivateKey = field(default_factory=signer)
    ca_key: ec.EllipticCurvePrivateKey = field(default_factory=signer)
    ct_key: ec.EllipticCurvePrivateKey = field(default_factory=signer)
    log_key: ec.EllipticCurvePrivateKey = field(default_factory=signer)

    def __post_init__(self) -> None:
        self.root = _authority("root", self.root_key, None, NOW + 9 * YEAR)
        self.intermediate = _authority("intermediate", self.ca_key, (self.root, self.root_key), self.until)

    def trusted_root(self, **periods: dict[str, str]) -> bytes:
        """`trusted_root.json`; `tlogs`, `ctlogs` and `authorities` say when theirs are valid."""
        start = {"start": _time(NOW - YEAR)}

        def log(key: ec.EllipticCurvePrivateKey, period: dict[str, str]) -> dict[str, Any]:
            public = {"rawBytes": b64(spki(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": period}
            url = "https://log.example.com"
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": public,
                "logId": {"keyId": b64(key_id(key))},
            }

        chain = [{"rawBytes": b64(certificate.public_bytes(Encoding.DER))} for certificate in (self.intermediate, self.root)]
        authority = {
            "subject": {"organization": "example", "commonName": "test"},
            "uri": "https://fulcio.example.com",
            "certChain": {"certificates": chain},
            "validFor": periods.get("authorities", start),
        }
        root = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.log_key, periods.get("tlogs", start))],
            "certificateAuthorities": [authority],
            "ctlogs": [log(self.ct_key, periods.get("ctlogs", start))],
            "timestampAuthorities": [],
        }
        return json.dumps(root).encode()

    def credential(
        self,
        subject: str = RELEASE,
        issuer: str = ACTIONS,
        *,
        at: datetime = NOW,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        names: list[x509.GeneralName] | None = None,
        issuers: dict[str, bytes] | None = None,
    ) -> Credential:
        """What the authority gives a signer."""
        key = signer()
        mail = "@" in subject and "/" not in subject
        san = names or [x509.RFC822Name(subject) if mail else x509.UniformResourceIdentifier(subject)]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at)
            .not_valid_after(at + MINUTES)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName(san), critical=True)
        )
        for oid, value in (issuers or {OLD_ISSUER_OID: issuer.encode(), ISSUER_OID: utf8(issuer)}).items():
            builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical=False)
        before = builder.sign(self.ca_key, hashes.SHA256())
        timestamps = x509.UnrecognizedExtension(x509.ObjectIdentifier(SCT_OID), self._sct(before.tbs_certificate_bytes, at))
        certificate = builder.add_extension(timestamps, critical=False).sign(self.ca_key, hashes.SHA256())
        return Credential(key=key, certificate=certificate)

    def _sct(self, signed: bytes, at: datetime) -> bytes:
        """The list with one timestamp of the log of certificates."""
        moment = int(at.timestamp() * 1000)
        entry = key_id(self.ca_key) + len(signed).to_bytes(3) + signed
        signature = ecdsa(self.ct_key, struct.pack("!BBQH", 0, 0, moment, 1) + entry + b"\0\0")
        sct = b"\0" + key_id(self.ct_key) + struct.pack("!QHBBH", moment, 0, 4, 3, len(signature)) + signature
        return octets(struct.pack("!HH", len(sct) + 2, len(sct)) + sct)

    def promise(self, body: bytes, at: datetime = NOW) -> dict[str, Any]:
        """What cosign 2 annotates: an entry, and the log's signature."""
        values = {
            "body": b64(body),
            "integratedTime": int(at.timestamp()),
            "logID": key_id(self.log_key).hex(),
            "logIndex": 7,
        }
        signature = ecdsa(self.log_key, json.dumps(values, separators=(",", ":"), sort_keys=True).encode())
        return {"SignedEntryTimestamp": b64(signature), "Payload": values}

    def entry(self, body: bytes, kind: str, at: datetime = NOW) -> dict[str, Any]:
        """An entry of the log in a bundle, with promise and proof."""
        promise = self.promise(body, at)
        leaf = hashlib.sha256(b"\0" + body).digest()
        note = f"log.example.com\n1\n{b64(leaf)}\n"
        signature = key_id(self.log_key)[:4] + ecdsa(self.log_key, note.encode())
        proof = {
            "logIndex": "0",
            "rootHash": b64(leaf),
            "treeSize": "1",
            "hashes": [],
            "checkpoint": {"envelope": f"{note}\n— log.example.com {b64(signature)}\n"},
        }
        return {
            "logIndex": str(promise["Payload"]["logIndex"]),
            "logId": {"keyId": b64(key_id(self.log_key))},
            "kindVersion": {"kind": kind, "version": "0.0.1"},
            "integratedTime": str(promise["Payload"]["integratedTime"]),
            "inclusionPromise": {"signedEntryTimestamp": promise["SignedEntryTimestamp"]},
            "inclusionProof": proof,
            "canonicalizedBody": b64(body),
        }

    def simple(self, digest: str, who: Credential | None = None, *, at: datetime = NOW, **changed: Any) -> Artifact:
        """What cosign 2 stores at the tag `sha256-….sig`; `changed` are annotations."""
        return artifact((payload(digest), SIMPLE_SIGNING, self.annotations(digest, who, at=at) | changed))

    def annotations(self, digest: str, who: Credential | None = None, *, at: datetime = NOW) -> dict[str, str]:
        """The annotations of `simple`."""
        who = who or self.credential()
        text = payload(digest)
        signature = ecdsa(who.key, text)
        entry = json.dumps(self.promise(record(text, signature, who), at))
        return {SIGNATURE: b64(signature), CERTIFICATE: who.pem.decode(), ENTRY: entry}

    def bundle(
        self, digest: str, who: Credential | None = None, *, at: datetime = NOW, predicate: str = PREDICATE
    ) -> dict[str, Any]:
        """What cosign 3 stores."""
        who = who or self.credential()
        content = envelope(who.key, digest, predicate=predicate)
        body = dsse_record(content, who)
        certificate = {"rawBytes": b64(who.certificate.public_bytes(Encoding.DER))}
        material = {"certificate": certificate, "tlogEntries": [self.entry(body, "dsse", at)]}
        return {"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": content}

    def attached(self, subject: Artifact, who: Credential | None = None, *, at: datetime = NOW) -> Artifact:
        """A bundle that is attached to an artifact."""
        return attached(json.dumps(self.bundle(subject.digest, who, at=at)).encode(), subject)


def record(text: bytes, signature: bytes, who: Credential) -> bytes:
    """The body of an entry about a signature."""
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(text).hexdigest()}},
        "signature": {"content": b64(signature), "publicKey": {"content": b64(who.pem)}},
    }
    return json.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}).encode()


def dsse_record(content: dict[str, Any], who: Credential) -> bytes:
    """The body of an entry about an envelope."""
    text = base64.b64decode(content["payload"])
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(json.dumps(content).encode()).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(text).hexdigest()},
        "signatures": [{"signature": content["signatures"][0]["sig"], "verifier": b64(who.pem)}],
    }
    return json.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}).encode()


def _authority(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    above: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    until: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate, signing = above or (None, key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(certificate.subject if certificate is not None else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - YEAR)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1 if above is None else 0), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .sign(signing, hashes.SHA256())
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        key_cert_sign=not signs,
        crl_sign=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
