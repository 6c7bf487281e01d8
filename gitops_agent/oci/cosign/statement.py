"""What a signature says: which bytes were signed, and for which digest.

Two forms. Simple signing puts a JSON text into a layer and its signature into an annotation. A bundle of Sigstore holds an
envelope (DSSE) with a statement of in-toto. In both, what was signed names the artifact, and only that counts: where a
signature lies in the registry says nothing, because all who may push can copy it there.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
"""Of a signer without a key, in PEM."""
ENTRY = "dev.sigstore.cosign/bundle"
"""Of a log, with its promise to include it."""
ATTACHED = "application/vnd.dev.cosign.artifact.sig.v1+json"
"""Simple signing that is attached to the artifact instead of lying at a tag (`--registry-referrers-mode oci-1-1`)."""
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
LONGEST = 64 * 1024

_SIMPLE_TYPE = "cosign container image signature"
PAYLOAD = "application/vnd.in-toto+json"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
PREDICATE = "https://sigstore.dev/cosign/sign/v1"
_LIMITS = YamlLimits(bytes=2 * LONGEST, documents=2, depth=20, nodes=5_000)


class NoStatement(ValueError):
    """A signature that says nothing this client understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A signature and what it is about.

    Attributes:
        signed: the bytes under the signature.
        signatures: over them, by unknown keys.
        digests: of the manifests that the bytes name.
        bundle: the whole bundle of Sigstore; empty for simple signing.
        certificate: beside simple signing, in PEM; empty without one.
        entry: of a log, beside simple signing; empty without one.
    """

    signed: bytes = field(repr=False)
    signatures: tuple[bytes, ...] = field(repr=False)
    digests: frozenset[str]
    bundle: bytes = field(default=b"", repr=False)
    certificate: str = field(default="", repr=False)
    entry: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPromise:
    """An entry of a log that signed its promise to include it.

    Attributes:
        body: the entry.
        integrated_at: when, in seconds since 1970.
        index: its number in the log.
        log: the digest of the key of the log.
        signature: of the log, over all of these.
    """

    body: bytes = field(repr=False)
    integrated_at: int
    index: int
    log: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def promise(text: str) -> LogPromise:
    """Reads the annotation with an entry of a log.

    Raises:
        NoStatement: it is none.
    """
    value = _json(text.encode())
    payload = _mapping(value, "Payload")
    integrated_at, index = payload.get("integratedTime"), payload.get("logIndex")
    if not isinstance(integrated_at, int) or not isinstance(index, int):
        raise NoStatement("has an entry of a log without time and index")
    try:
        log = bytes.fromhex(str(payload.get("logID")))
    except ValueError:
        raise NoStatement("has an entry of a log that is not named") from None
    signature = _decoded(value.get("SignedEntryTimestamp"))
    return LogPromise(
        body=_decoded(payload.get("body")), integrated_at=integrated_at, index=index, log=log, signature=signature
    )


def simple_signing(payload: bytes, annotations: Mapping[str, str]) -> Statement:
    """Reads a layer of simple signing.

    Args:
        payload: its content.
        annotations: of the layer; the signature is one of them.

    Raises:
        NoStatement: it is none.
    """
    critical = _mapping(_json(payload), "critical")
    if critical.get("type") != _SIMPLE_TYPE:
        raise NoStatement("is no signature of cosign")
    digest = _mapping(critical, "image").get("docker-manifest-digest")
    if not isinstance(digest, str):
        raise NoStatement("names no manifest")
    certificate, entry = (text if len(text := annotations.get(name, "")) <= LONGEST else "" for name in (CERTIFICATE, ENTRY))
    return Statement(
        signed=payload,
        signatures=(_decoded(annotations.get(SIGNATURE, "")),),
        digests=frozenset({digest}),
        certificate=certificate,
        entry=entry,
    )


def bundle(data: bytes) -> Statement:
    """Reads a bundle of Sigstore with an envelope.

    Raises:
        NoStatement: it is none, or one that attests something else than a signature.
    """
    value = _json(data)
    if value.get("mediaType") != BUNDLE:
        raise NoStatement("is no bundle of version 0.3")
    envelope = _mapping(value, "dsseEnvelope")
    if envelope.get("payloadType") != PAYLOAD:
        raise NoStatement("has another payload than a statement of in-toto")
    payload = _decoded(envelope.get("payload"))
    rows = envelope.get("signatures")
    signatures = tuple(_decoded(row.get("sig")) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    statement = _json(payload)
    if statement.get("_type") not in _STATEMENTS or statement.get("predicateType") != PREDICATE:
        raise NoStatement("attests something else than a signature")
    subjects = statement.get("subject")
    hashes = (
        [_mapping(subject, "digest").get("sha256") for subject in subjects if isinstance(subject, dict)]
        if isinstance(subjects, list)
        else []
    )
    digests = frozenset(f"sha256:{hash_}" for hash_ in hashes if isinstance(hash_, str))
    return Statement(signed=encoded(payload), signatures=signatures, digests=digests, bundle=data)


def encoded(payload: bytes) -> bytes:
    """The bytes that DSSE signs: type and payload with their lengths."""
    kind = PAYLOAD.encode()
    return b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))


def _json(data: bytes) -> dict[str, Any]:
    try:
        documents = read_json(data, limits=_LIMITS).documents
    except RenderError as error:
        raise NoStatement(error.message) from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise NoStatement("is not one mapping")
    return documents[0].value


def _mapping(value: dict[str, Any], name: str) -> dict[str, Any]:
    inner = value.get(name)
    if not isinstance(inner, dict):
        raise NoStatement(f"has no {name}")
    return inner


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise NoStatement("has a part that is not base64") from None
