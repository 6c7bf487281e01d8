"""The one door to sigstore: signatures whose key is in a certificate.

Problem: such a key lives for minutes, so a signature is judged at the time that a log or an authority of timestamps vouches
for, by certificates and keys that are known beforehand (the trusted root). Decision: the library judges all of it, this file
only hands over what the registry holds. Two things are added. What the trusted root retired counts only for signatures of its
own time. And cosign 2 stores the promise of a log to include an entry instead of the proof that it did; such an entry is
accepted when the log signed it, as cosign does without a network. Nothing is ever fetched.

The import takes half a second, so this file is imported where an Application demands it.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    OtherName,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnrecognizedExtension,
    load_der_x509_certificate,
    load_pem_x509_certificate,
)
from sigstore.errors import VerificationError
from sigstore.models import Bundle, TransparencyLogEntry, TrustedRoot
from sigstore.verify.policy import VerificationPolicy
from sigstore.verify.verifier import Verifier
from sigstore_models.bundle import v1 as bundles
from sigstore_models.common import v1 as common
from sigstore_models.rekor import v1 as logs
from sigstore_models.trustroot import v1 as roots

from gitops_agent.oci.cosign.identity import LONGEST_SUBJECT, CertificateIdentity, SignerIdentity
from gitops_agent.oci.cosign.statement import PAYLOAD, LogPromise, Statement, encoded, promise

_ISSUER, _OLD_ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_USERNAME = ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_PUBLIC = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
_FILE = "trusted_root.json"
_RECORD, _RECORD_VERSION = "hashedrekord", "0.0.1"
_SHOWN = 300
_NEEDED = {"tlogs": "log", "ctlogs": "log of certificates", "certificate_authorities": "authority of certificates"}

logging.getLogger("sigstore").addHandler(logging.NullHandler())


class Uncertified(ValueError):
    """A signature that is not verified.

    Attributes:
        identity: what stands in its certificate, None where that cannot be read.
    """

    def __init__(self, text: str, identity: CertificateIdentity | None = None) -> None:
        super().__init__(text)
        self.identity = identity


def public_root() -> bytes:
    """The root of the public instance, as the library brings it."""
    return resources.files("sigstore._store").joinpath(_PUBLIC, _FILE).read_bytes()


def check_root(data: bytes) -> None:
    """Reads a trusted root.

    Raises:
        Uncertified: it is none.
    """
    try:
        Verifier(trusted_root=TrustedRoot(_root(data)))
    except Exception as error:
        raise Uncertified(_text(error)) from error


def certified(statement: Statement, root: bytes, identities: Sequence[SignerIdentity]) -> CertificateIdentity:
    """Who signed a statement, one of the demanded identities.

    Args:
        statement: with what its signer proves himself by.
        root: the trusted root, in JSON.
        identities: which are demanded.

    Raises:
        Uncertified: it is not verified; the text says why.
    """
    identity = None
    try:
        bundle = _bundle(statement)
        identity = identity_of(bundle.signing_certificate)
        _judge(bundle, statement, root, _Demanded(identities))
    except Exception as error:
        raise Uncertified(_text(error), identity) from error
    return identity


def _judge(bundle: Bundle, statement: Statement, root: bytes, policy: VerificationPolicy) -> None:
    verifier = Verifier(trusted_root=TrustedRoot(_at(_root(root), _moments(bundle))))
    if not statement.bundle:
        verifier.verify_artifact(statement.signed, bundle, policy)
        return
    kind, payload = verifier.verify_dsse(bundle, policy)
    if kind != PAYLOAD or encoded(payload) != statement.signed:
        raise Uncertified("its envelope can be read in two ways")


def identity_of(certificate: Certificate) -> CertificateIdentity:
    """The signer that a certificate names.

    Raises:
        Uncertified: it names none, several, or one that cannot be printed.
    """
    names = list(certificate.extensions.get_extension_for_class(SubjectAlternativeName).value)
    if len(names) != 1:
        raise Uncertified(f"its certificate names {len(names)} signers")
    name = names[0]
    if isinstance(name, RFC822Name | UniformResourceIdentifier):
        subject = name.value
    elif isinstance(name, OtherName) and name.type_id == _USERNAME:
        subject = asn1.decode_der(str, name.value)
    else:
        raise Uncertified("its certificate names a signer of another kind than an address, a mail address and a user name")
    issuers = set(_issuers(certificate))
    if len(issuers) != 1:
        raise Uncertified(f"its certificate names {len(issuers)} issuers")
    issuer = issuers.pop()
    for text in (subject, issuer):
        if not text.isprintable() or not 0 < len(text) <= LONGEST_SUBJECT:
            raise Uncertified("its certificate names a signer that cannot be printed")
    return CertificateIdentity(subject=subject, issuer=issuer)


class _Demanded:
    """The policy of the library: one of the identities signed."""

    def __init__(self, identities: Sequence[SignerIdentity]) -> None:
        self._identities = identities

    def verify(self, cert: Certificate) -> None:
        """See `VerificationPolicy` of the library."""
        identity = identity_of(cert)
        if not any(allowed.fits(identity) for allowed in self._identities):
            raise VerificationError("its signer is not among verify.cosign.identities")


class _PromisedEntry(TransparencyLogEntry):
    """An entry that a log promised to include."""

    def _validate(self) -> None:
        """See the library: the proof of inclusion is not asked for."""

    def _verify(self, keyring: object) -> None:
        """See the library: the promise is never optional."""
        self._verify_set(keyring)  # type: ignore[arg-type]  # the library's own type has no public name


class _PromisedBundle(Bundle):
    """What cosign 2 stores, in the shape that the library verifies."""

    def _verify(self) -> None:
        """See the library, which wants the proof of inclusion here."""
        material = self._inner.verification_material
        if material.certificate is None:
            raise Uncertified("it has no certificate")
        self._signing_certificate = load_der_x509_certificate(material.certificate.raw_bytes)
        self._log_entry = _PromisedEntry(material.tlog_entries[0])


def _bundle(statement: Statement) -> Bundle:
    if statement.bundle:
        return Bundle.from_json(statement.bundle)
    if not statement.certificate or not statement.entry:
        raise Uncertified("it has no certificate with the entry of a log, so it was made with a key")
    certificate = load_pem_x509_certificate(statement.certificate.encode())
    inner = bundles.Bundle(
        media_type=Bundle.BundleType.BUNDLE_0_3.value,
        verification_material=bundles.VerificationMaterial(
            certificate=common.X509Certificate(raw_bytes=base64.b64encode(certificate.public_bytes(Encoding.DER))),
            tlog_entries=[_entry(promise(statement.entry))],
        ),
        message_signature=common.MessageSignature(signature=base64.b64encode(statement.signatures[0])),
    )
    return _PromisedBundle(inner)


def _entry(promised: LogPromise) -> logs.TransparencyLogEntry:
    """The entry in the shape of the library, without proof."""
    return logs.TransparencyLogEntry.model_construct(
        inclusion_proof=None,  # type: ignore[arg-type]  # the promise stands in its place
        log_index=promised.index,
        log_id=common.LogId(key_id=base64.b64encode(promised.log)),
        kind_version=logs.KindVersion(kind=_RECORD, version=_RECORD_VERSION),
        integrated_time=promised.integrated_at,
        inclusion_promise=logs.InclusionPromise(signed_entry_timestamp=base64.b64encode(promised.signature)),
        canonicalized_body=promised.body,
    )


@lru_cache(maxsize=16)
def _root(data: bytes) -> roots.TrustedRoot:
    return roots.TrustedRoot.from_json(data)


def _moments(bundle: Bundle) -> tuple[datetime, ...]:
    """The times that logs and authorities of timestamps name."""
    timestamps = bundle.verification_material.timestamp_verification_data
    moments = [timestamp.tst_info.gen_time for timestamp in timestamps.rfc3161_timestamps] if timestamps is not None else []
    seconds = bundle.log_entry._inner.integrated_time  # noqa: SLF001 - the library has no public name for it
    return (*moments, datetime.fromtimestamp(seconds, tz=UTC)) if seconds else tuple(moments)


def _at(root: roots.TrustedRoot, moments: Iterable[datetime]) -> roots.TrustedRoot:
    """What of a trusted root was valid at all of these times."""
    times = sorted(moments)

    def valid(period: common.TimeRange | None) -> bool:
        return period is None or all(period.start <= time and (period.end is None or time <= period.end) for time in times)

    parts = {
        "tlogs": [log for log in root.tlogs if valid(log.public_key.valid_for)],
        "ctlogs": [log for log in root.ctlogs if valid(log.public_key.valid_for)],
        "certificate_authorities": [authority for authority in root.certificate_authorities if valid(authority.valid_for)],
        "timestamp_authorities": [authority for authority in root.timestamp_authorities if valid(authority.valid_for)],
    }
    for name, words in _NEEDED.items():
        if not parts[name] and times:
            raise Uncertified(f"the trusted root holds no {words} that was valid at {times[0]:%Y-%m-%d %H:%M:%S} UTC")
    return root.model_copy(update=parts)


def _issuers(certificate: Certificate) -> Iterator[str]:
    """The issuer, in the encodings that the certificate holds."""
    for oid in (_ISSUER, _OLD_ISSUER):
        try:
            value = certificate.extensions.get_extension_for_oid(oid).value
        except ExtensionNotFound:
            continue
        if isinstance(value, UnrecognizedExtension):
            yield asn1.decode_der(str, value.value) if oid == _ISSUER else value.value.decode()


def _text(error: Exception) -> str:
    """What the library says, in one line that can be printed."""
    line = " ".join(str(error).split()) or type(error).__name__
    return (line if line.isprintable() else ascii(line)[1:-1])[:_SHOWN]
