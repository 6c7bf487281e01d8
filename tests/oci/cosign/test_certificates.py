from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gitops_agent.oci.cosign.certificates import Uncertified, certified, check_root, identity_of, public_root
from gitops_agent.oci.cosign.identity import CertificateIdentity, SignerIdentity
from gitops_agent.oci.cosign.statement import CERTIFICATE, ENTRY, Statement, bundle, simple_signing
from tests.oci.cosign.signing import b64, ecdsa, payload
from tests.oci.cosign.sigstore_instance import (
    ACTIONS,
    ISSUER_OID,
    NOW,
    OLD_ISSUER_OID,
    RELEASE,
    Credential,
    Instance,
    dsse_record,
    record,
    utf8,
)

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SIGSTORE, FOREIGN = Instance(), Instance()
ROOT = SIGSTORE.trusted_root()
WHO = SIGSTORE.credential()
DEMANDED = (SignerIdentity(subject=RELEASE, issuer=ACTIONS),)

Make = Callable[..., Statement]


def simple(instance: Instance = SIGSTORE, who: Credential | None = None, **fields: Any) -> Statement:
    return simple_signing(payload(DIGEST), instance.annotations(DIGEST, who or instance.credential(), **fields))


def attached(instance: Instance = SIGSTORE, who: Credential | None = None, **fields: Any) -> Statement:
    return bundle(json.dumps(instance.bundle(DIGEST, who or instance.credential(), **fields)).encode())


both = pytest.mark.parametrize("make", [simple, attached])


def refusal(statement: Statement, root: bytes = ROOT, *demanded: SignerIdentity) -> str:
    with pytest.raises(Uncertified) as caught:
        certified(statement, root, demanded or DEMANDED)
    return str(caught.value)


@both
@pytest.mark.parametrize("subject", [RELEASE, "ada@example.com"])
def test_a_demanded_signer_is_verified(make: Make, subject: str) -> None:
    demanded = SignerIdentity(subject=subject, issuer=ACTIONS)

    identity = certified(make(who=SIGSTORE.credential(subject)), ROOT, [demanded])

    assert identity == CertificateIdentity(subject=subject, issuer=ACTIONS)


@both
@pytest.mark.parametrize(
    "who", [SIGSTORE.credential("https://github.com/fork/charts"), SIGSTORE.credential(issuer="https://gitlab.com")]
)
def test_another_signer_or_issuer_is_refused(make: Make, who: Credential) -> None:
    assert refusal(make(who=who)) == "its signer is not among verify.cosign.identities"


@both
def test_another_instance_is_refused(make: Make) -> None:
    assert "failed to build timestamp certificate chain" in refusal(make(FOREIGN))


@both
@pytest.mark.parametrize("late", [-HOUR, HOUR])
def test_a_certificate_counts_in_its_minutes_only(make: Make, late: timedelta) -> None:
    assert "failed to build timestamp certificate chain: validation failed: " in refusal(make(at=NOW + late))


@both
def test_an_authority_that_has_expired_vouches_for_nothing_later(make: Make) -> None:
    early = Instance(until=NOW - DAY)

    before = early.credential(at=NOW - 2 * DAY)
    assert certified(make(early, before, at=NOW - 2 * DAY), early.trusted_root(), DEMANDED).subject == RELEASE
    assert "failed to build timestamp certificate chain" in refusal(make(early), early.trusted_root())


@both
@pytest.mark.parametrize(
    ("part", "words"),
    [("tlogs", "log"), ("ctlogs", "log of certificates"), ("authorities", "authority of certificates")],
)
def test_what_the_root_retired_vouches_for_nothing_later(make: Make, part: str, words: str) -> None:
    ended = {"start": "2025-06-01T00:00:00Z", "end": "2026-05-31T00:00:00Z"}
    root = SIGSTORE.trusted_root(**{part: ended})

    expected = f"the trusted root holds no {words} that was valid at 2026-06-01 12:00:00 UTC"
    assert refusal(make(), root) == expected
    earlier = SIGSTORE.credential(at=NOW - 2 * DAY)
    assert certified(make(who=earlier, at=NOW - 2 * DAY), root, DEMANDED).subject == RELEASE


@both
def test_a_certificate_for_another_use_is_refused(make: Make) -> None:
    who = SIGSTORE.credential(usage=ExtendedKeyUsageOID.SERVER_AUTH)

    assert "Extended usage does not contain `code signing`" in refusal(make(who=who))


@both
def test_a_certificate_that_its_log_did_not_see_is_refused(make: Make) -> None:
    other = Instance(root_key=SIGSTORE.root_key, ca_key=SIGSTORE.ca_key, log_key=SIGSTORE.log_key)
    root = other.trusted_root()

    assert "failed to verify SCT" in refusal(make(who=SIGSTORE.credential()), root)


@both
def test_an_entry_of_another_log_is_refused(make: Make) -> None:
    other = Instance(root_key=SIGSTORE.root_key, ca_key=SIGSTORE.ca_key, ct_key=SIGSTORE.ct_key)

    assert "invalid log entry" in refusal(make(other, SIGSTORE.credential()))


def entry_of(instance: Instance, digest: str, who: Credential = WHO) -> str:
    return instance.annotations(digest, who)[ENTRY]


def test_the_entry_of_another_artifact_is_refused_beside_simple_signing() -> None:
    annotations = SIGSTORE.annotations(DIGEST, WHO) | {ENTRY: entry_of(SIGSTORE, OTHER)}

    assert "log entry is inconsistent with other materials" in refusal(simple_signing(payload(DIGEST), annotations))


def test_the_entry_of_another_artifact_is_refused_in_a_bundle() -> None:
    content = SIGSTORE.bundle(DIGEST, WHO)
    content["verificationMaterial"]["tlogEntries"] = SIGSTORE.bundle(OTHER, WHO)["verificationMaterial"]["tlogEntries"]

    assert "log entry payload hash does not match bundle" in refusal(bundle(json.dumps(content).encode()))


def test_the_entry_of_another_signer_is_refused_beside_simple_signing() -> None:
    other = SIGSTORE.credential()
    text = payload(DIGEST)
    entry = json.dumps(SIGSTORE.promise(record(text, ecdsa(other.key, text), other)))

    annotations = SIGSTORE.annotations(DIGEST, WHO) | {ENTRY: entry}
    assert "log entry is inconsistent with other materials" in refusal(simple_signing(text, annotations))


def test_the_entry_of_another_signer_is_refused_in_a_bundle() -> None:
    content = SIGSTORE.bundle(DIGEST, WHO)
    body = dsse_record(content["dsseEnvelope"], SIGSTORE.credential())
    content["verificationMaterial"]["tlogEntries"] = [SIGSTORE.entry(body, "dsse")]

    assert "log entry signatures do not match bundle" in refusal(bundle(json.dumps(content).encode()))


def test_a_signature_by_another_key_than_the_certificates_is_refused() -> None:
    other = Credential(key=SIGSTORE.credential().key, certificate=WHO.certificate)

    assert refusal(simple(who=other)) == "Signature is invalid for input"
    assert refusal(attached(who=other)) == "DSSE: invalid signature"


def test_a_promise_at_another_time_is_refused() -> None:
    entry = json.loads(entry_of(SIGSTORE, DIGEST))
    entry["Payload"]["integratedTime"] += 60

    annotations = SIGSTORE.annotations(DIGEST, WHO) | {ENTRY: json.dumps(entry)}
    assert "invalid inclusion promise" in refusal(simple_signing(payload(DIGEST), annotations))


def test_a_proof_for_another_tree_is_refused() -> None:
    content = SIGSTORE.bundle(DIGEST, WHO)
    proof = content["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
    proof["rootHash"] = b64(b"0" * 32)

    assert "inclusion proof contains invalid root hash" in refusal(bundle(json.dumps(content).encode()))


@pytest.mark.parametrize("part", ["inclusionPromise", "inclusionProof", "canonicalizedBody"])
def test_a_bundle_with_less_is_refused(part: str) -> None:
    content = SIGSTORE.bundle(DIGEST, WHO)
    del content["verificationMaterial"]["tlogEntries"][0][part]

    refusal(bundle(json.dumps(content).encode()))


def test_a_bundle_without_certificate_or_entry_is_refused() -> None:
    keyed, unlogged = SIGSTORE.bundle(DIGEST, WHO), SIGSTORE.bundle(DIGEST, WHO)
    keyed["verificationMaterial"] = {"publicKey": {"hint": "none"}, "tlogEntries": []}
    unlogged["verificationMaterial"]["tlogEntries"] = []

    assert refusal(bundle(json.dumps(keyed).encode())) == "expected certificate in bundle"
    assert refusal(bundle(json.dumps(unlogged).encode())) == "expected exactly one log entry in bundle"


@pytest.mark.parametrize(
    "changed",
    [
        {CERTIFICATE: ""},
        {ENTRY: ""},
        {CERTIFICATE: "nonsense"},
        {CERTIFICATE: "x" * 70_000},
        {ENTRY: "{}"},
        {ENTRY: '{"Payload": {"integratedTime": "1", "logIndex": 7}}'},
        {ENTRY: '{"Payload": {"integratedTime": 1, "logIndex": 7, "logID": "xyz"}}'},
        {ENTRY: '{"Payload": {"integratedTime": 0, "logIndex": 7, "logID": "00", "body": ""}, "SignedEntryTimestamp": ""}'},
    ],
)
def test_simple_signing_with_less_is_refused(changed: dict[str, str]) -> None:
    assert refusal(simple_signing(payload(DIGEST), SIGSTORE.annotations(DIGEST, WHO) | changed))


def test_an_envelope_that_is_read_in_two_ways_is_refused() -> None:
    statement = attached()
    other = Statement(signed=b"other", signatures=statement.signatures, digests=statement.digests, bundle=statement.bundle)

    assert refusal(other) == "its envelope can be read in two ways"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"names": [x509.RFC822Name("a@example.com"), x509.RFC822Name("b@example.com")]}, "its certificate names 2 signers"),
        ({"names": [x509.DNSName("example.com")]}, "a signer of another kind"),
        ({"names": [x509.UniformResourceIdentifier("https://x/" + "y" * 1100)]}, "a signer that cannot be printed"),
        ({"issuers": {ISSUER_OID: utf8("https://a"), OLD_ISSUER_OID: b"https://b"}}, "its certificate names 2 issuers"),
        ({"issuers": {"1.3.6.1.4.1.57264.1.2": b"push"}}, "its certificate names 0 issuers"),
        ({"issuers": {ISSUER_OID: utf8("https://a\n")}}, "a signer that cannot be printed"),
    ],
    ids=["two signers", "a host", "too long", "two issuers", "no issuer", "a line break"],
)
def test_a_certificate_that_is_not_clear_about_its_signer_is_refused(fields: dict[str, Any], text: str) -> None:
    assert text in refusal(simple(who=SIGSTORE.credential(**fields)))


@pytest.mark.parametrize("issuers", [{ISSUER_OID: utf8(ACTIONS)}, {OLD_ISSUER_OID: ACTIONS.encode()}])
def test_the_issuer_is_read_in_both_encodings(issuers: dict[str, bytes]) -> None:
    assert identity_of(SIGSTORE.credential(issuers=issuers).certificate).issuer == ACTIONS


def test_a_user_name_is_an_identity() -> None:
    name = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), utf8("ada!example.com"))

    assert identity_of(SIGSTORE.credential(names=[name]).certificate).subject == "ada!example.com"


def test_the_root_of_the_public_instance_comes_with_the_library() -> None:
    check_root(public_root())

    assert "failed to build timestamp certificate chain" in refusal(simple(), public_root())


@pytest.mark.parametrize("data", [b"", b"{}", b"[", ROOT.replace(b"trustedroot+json;version=0.1", b"other"), b"\xff"])
def test_what_is_no_trusted_root_is_refused(data: bytes) -> None:
    with pytest.raises(Uncertified):
        check_root(data)


@pytest.mark.parametrize("part", ["tlogs", "certificateAuthorities"])
def test_a_root_that_can_vouch_for_nothing_is_refused(part: str) -> None:
    with pytest.raises(Uncertified):
        check_root(json.dumps(json.loads(ROOT) | {part: []}).encode())


def test_base64_of_a_bundle_is_read_as_it_was_signed() -> None:
    content = SIGSTORE.bundle(DIGEST, WHO)
    content["dsseEnvelope"]["payload"] = b64(base64.b64decode(content["dsseEnvelope"]["payload"]).replace(b"a" * 64, b"b" * 64))

    assert refusal(bundle(json.dumps(content).encode())) == "DSSE: invalid signature"
