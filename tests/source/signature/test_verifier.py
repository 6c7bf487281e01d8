"""The table of signatures: each kind of key, good and not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.object import SignedObject, split_commit
from gitops_agent.source.signature.signers import Signers
from gitops_agent.source.signature.verdict import Flaw, SignatureKind, Verdict
from gitops_agent.source.signature.verifier import Verifier
from tests.source.signature.keys import GpgHome, SshKey, allowed, signed_commit

pytestmark = pytest.mark.slow
COMMIT = (
    b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n"
    b"author Ada <ada@example.com> 1760000000 +0200\n"
    b"committer Ada <ada@example.com> 1760000000 +0200\n"
    b"\n"
    b"One\n"
)
NOW = datetime.now(UTC)


def judged(
    data: dict[str, bytes],
    signature: bytes,
    *,
    payload: bytes = COMMIT,
    now: datetime = NOW,
    committer: bool = False,
    address: str = "ada@example.com",
    before: Verdict | None = None,
) -> Verdict:
    """The verdict on a commit with this signature."""
    verifier = Verifier(Signers.read(data, name="signers"), committer=committer, now=lambda: now)
    signed = (
        split_commit(signed_commit(payload, signature), digits=40)
        if signature
        else SignedObject(payload=payload, signature=b"")
    )
    return verifier.judge(signed, address=address, before=before)


@pytest.fixture(scope="module")
def pgp(gpg: GpgHome) -> str:
    return gpg.key("ada@example.com")


@pytest.fixture(scope="module")
def ring(gpg: GpgHome, pgp: str) -> dict[str, bytes]:
    return {"ada.asc": gpg.export(pgp)}


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa3072", "nistp256"])
def test_keys_of_openpgp_sign(gpg: GpgHome, algorithm: str) -> None:
    key = gpg.key(f"{algorithm}@example.com", algorithm=algorithm)

    verdict = judged({"keys.pgp": gpg.export(key, armor=False)}, gpg.sign(COMMIT, key))

    assert (verdict.good, verdict.kind, verdict.key) == (True, SignatureKind.OPENPGP, key)
    assert verdict.signer == f"Ada <{algorithm}@example.com>"


def test_a_subkey_signs_for_its_primary_key(gpg: GpgHome) -> None:
    key = gpg.key("subkey@example.com")
    subkey = gpg.subkey(key)

    verdict = judged({"keys.asc": gpg.export(key)}, gpg.sign(COMMIT, f"{subkey}!"))

    assert (verdict.good, verdict.key) == (True, key)


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_subkey_that_ended_signs_no_more(gpg: GpgHome, end: str) -> None:
    then = "20240101T000000"
    key = gpg.key(f"{end}-subkey@example.com", at=then)
    gpg.run("--faked-system-time", then, "--quick-add-key", key, "ed25519", "sign", "1y" if end == "expired" else "never")
    subkey = gpg.fingerprints(key)[-1]
    signature = gpg.sign(COMMIT, f"{subkey}!", options=("--faked-system-time", "20240601T000000"))
    if end == "revoked":
        words = "key 1\nrevkey\ny\n0\n\ny\nsave\n"
        gpg.run("--no-batch", "--command-fd", "0", "--edit-key", key, stdin=words.encode())

    verdict = judged({"keys.asc": gpg.export(key)}, signature)

    assert verdict.flaw is (Flaw.REVOKED if end == "revoked" else Flaw.EXPIRED)


def test_a_commit_without_a_signature_is_not_good(ring: dict[str, bytes]) -> None:
    verdict = judged(ring, b"")

    assert (verdict.flaw, verdict.text) == (Flaw.NOT_SIGNED, "is not signed")


def test_a_key_outside_the_secret_is_no_signer(gpg: GpgHome, ring: dict[str, bytes]) -> None:
    other = gpg.key("other@example.com")

    verdict = judged(ring, gpg.sign(COMMIT, other))

    assert verdict.flaw is Flaw.UNKNOWN_SIGNER
    assert verdict.text == f"is signed by OpenPGP key {other}, which is not a trusted signer"


def test_an_expired_key_is_named_with_its_end(gpg: GpgHome) -> None:
    key = gpg.key("retired@example.com", expires="1y", at="20240302T000000")
    signature = gpg.sign(COMMIT, key, options=("--faked-system-time", "20240601T000000"))

    verdict = judged({"keys.asc": gpg.export(key)}, signature)

    assert verdict.flaw is Flaw.EXPIRED
    assert verdict.text == (
        f"is signed by OpenPGP key {key}, which expired on 2025-03-02 (this commit was first seen on {NOW:%Y-%m-%d})"
    )


def test_a_key_that_expired_since_it_was_seen_still_counts(gpg: GpgHome) -> None:
    key = gpg.key("weekend@example.com", expires="1y", at="20240302T000000")
    signature = gpg.sign(COMMIT, key, options=("--faked-system-time", "20240601T000000"))
    before = Verdict(signer="Ada", key=key, kind=SignatureKind.OPENPGP, at=datetime(2024, 6, 1, tzinfo=UTC))

    assert judged({"keys.asc": gpg.export(key)}, signature, before=before) == before
    assert judged({"keys.asc": gpg.export(key)}, signature).flaw is Flaw.EXPIRED


def test_a_key_that_was_revoked_since_it_was_seen_counts_no_more(gpg: GpgHome) -> None:
    key = gpg.key("revoked@example.com")
    signature = gpg.sign(COMMIT, key)
    before = judged({"keys.asc": gpg.export(key)}, signature)
    gpg.revoke(key)

    verdict = judged({"keys.asc": gpg.export(key)}, signature, before=before)

    assert (before.good, verdict.flaw) == (True, Flaw.REVOKED)
    assert verdict.text == f"is signed by a revoked key {key}"


def test_a_signature_that_expired_is_refused(gpg: GpgHome) -> None:
    long_ago = gpg.key("brief@example.com", at="20240101T000000")
    options = ("--faked-system-time", "20240601T000000", "--default-sig-expire", "1d")

    verdict = judged({"keys.asc": gpg.export(long_ago)}, gpg.sign(COMMIT, long_ago, options=options))

    assert verdict.flaw is Flaw.EXPIRED
    assert "carries a signature of OpenPGP key" in verdict.text
    assert "that expired on 2024-06-02" in verdict.text


def test_a_digest_that_is_broken_is_refused(gpg: GpgHome) -> None:
    key = gpg.key("old@example.com", algorithm="rsa3072")

    verdict = judged(
        {"keys.asc": gpg.export(key)}, gpg.sign(COMMIT, key, options=("--digest-algo", "SHA1", "--allow-weak-digest-algos"))
    )

    assert verdict.flaw is Flaw.UNSUPPORTED
    assert "an algorithm that is not accepted" in verdict.text


def test_two_signatures_of_openpgp_are_refused(gpg: GpgHome, pgp: str) -> None:
    second = gpg.key("second@example.com")

    verdict = judged({"keys.asc": gpg.export(pgp, second)}, gpg.sign(COMMIT, pgp, second))

    assert (verdict.flaw, verdict.text) == (Flaw.MALFORMED, "carries more than one OpenPGP signature")


def test_a_signature_of_other_content_is_refused(gpg: GpgHome, pgp: str, ring: dict[str, bytes]) -> None:
    assert judged(ring, gpg.sign(COMMIT + b"!", pgp)).flaw is Flaw.BAD


@pytest.mark.parametrize(
    ("signature", "flaw"),
    [
        (b"-----BEGIN PGP SIGNATURE-----\n\n!!!!\n-----END PGP SIGNATURE-----\n", Flaw.MALFORMED),
        (b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", Flaw.BAD),
        (b"-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n", Flaw.UNSUPPORTED),
        (b"hello\n", Flaw.MALFORMED),
    ],
)
def test_garbage_is_no_signature(ring: dict[str, bytes], signature: bytes, flaw: Flaw) -> None:
    assert judged(ring, signature).flaw is flaw


def test_a_signature_of_a_megabyte_is_not_handed_to_a_program(ring: dict[str, bytes]) -> None:
    with pytest.raises(SourceError, match="more than the 65536 allowed"):
        judged(ring, b"-----BEGIN PGP SIGNATURE-----\n" + b"a" * 1024 * 1024)


@pytest.mark.parametrize(("type_", "bits"), [("ed25519", 0), ("rsa", 3072), ("ecdsa", 256)])
def test_keys_of_ssh_sign(ssh_keys: Path, type_: str, bits: int) -> None:
    key = SshKey(ssh_keys, f"{type_}{bits}", type_=type_, bits=bits)

    verdict = judged({"allowed_signers": allowed({"ada@example.com": key})}, key.sign(COMMIT))

    assert (verdict.good, verdict.kind) == (True, SignatureKind.SSH)
    assert (verdict.signer, verdict.key) == ("ada@example.com", key.fingerprint)


def test_a_key_in_the_form_of_flux_signs(ada: SshKey) -> None:
    verdict = judged({"ada.sshpub": f"{ada.public} ada\n".encode()}, ada.sign(COMMIT))

    assert (verdict.good, verdict.signer) == (True, "*")


def test_a_certificate_of_a_trusted_authority_signs(ssh_keys: Path) -> None:
    authority, key = SshKey(ssh_keys, "authority"), SshKey(ssh_keys, "certified")
    trust = {"allowed_signers": f'*@example.com cert-authority,namespaces="git" {authority.public}\n'.encode()}
    certificate = key.certificate(authority, "li@example.com")

    verdict = judged(trust, key.sign(COMMIT, certificate=certificate))

    assert (verdict.good, verdict.signer, verdict.key) == (True, "li@example.com", key.fingerprint)
    later = judged(trust, key.sign(COMMIT, certificate=certificate), now=NOW + timedelta(days=7))
    assert later.flaw is Flaw.UNKNOWN_SIGNER
    remembered = judged(trust, key.sign(COMMIT, certificate=certificate), now=NOW + timedelta(days=7), before=verdict)
    assert remembered == verdict


def test_another_key_of_ssh_is_no_signer(ada: SshKey, eve: SshKey) -> None:
    verdict = judged({"allowed_signers": allowed({"ada@example.com": ada})}, eve.sign(COMMIT))

    assert verdict.flaw is Flaw.UNKNOWN_SIGNER
    assert verdict.text == f"is signed by SSH key {eve.fingerprint}, which is not a trusted signer"


def test_a_signature_for_another_purpose_is_refused(ada: SshKey) -> None:
    assert judged({"allowed_signers": allowed({"ada@example.com": ada})}, ada.sign(COMMIT, namespace="file")).flaw is Flaw.BAD


def test_a_key_that_may_not_sign_for_git_is_refused(ada: SshKey) -> None:
    verdict = judged({"allowed_signers": allowed({"ada@example.com": ada}, 'namespaces="file"')}, ada.sign(COMMIT))

    assert verdict.flaw is Flaw.UNKNOWN_SIGNER
    assert "but not for signatures of Git" in verdict.text


@pytest.fixture
def retired(ada: SshKey) -> dict[str, bytes]:
    """Trust in a key until the first day of 2026."""
    return {"allowed_signers": allowed({"ada@example.com": ada}, 'namespaces="git",valid-before="20260101"')}


def test_a_retired_key_that_backdates_its_commit_is_refused(ada: SshKey, retired: dict[str, bytes]) -> None:
    backdated = COMMIT.replace(b"1760000000", b"1748736000")  # June 2025, when the key was valid

    verdict = judged(retired, ada.sign(backdated), payload=backdated, now=datetime(2026, 2, 1, tzinfo=UTC))

    assert verdict.flaw is Flaw.EXPIRED
    assert (
        verdict.text == f"is signed by {ada.fingerprint}, which allowed_signers lists for ada@example.com only until 2026-01-01"
    )


def test_a_key_of_ssh_that_expired_since_it_was_seen_still_counts(ada: SshKey, retired: dict[str, bytes]) -> None:
    signature = ada.sign(COMMIT)
    before = judged(retired, signature, now=datetime(2025, 12, 31, tzinfo=UTC))

    assert before.good
    assert judged(retired, signature, now=datetime(2026, 2, 1, tzinfo=UTC), before=before) == before
    assert not judged(retired, signature, now=datetime(2026, 2, 1, tzinfo=UTC)).good


def test_a_key_that_left_the_secret_counts_no_more(ada: SshKey, eve: SshKey) -> None:
    signature = ada.sign(COMMIT)
    before = judged({"allowed_signers": allowed({"ada@example.com": ada})}, signature)

    verdict = judged({"allowed_signers": allowed({"eve@example.com": eve})}, signature, before=before)

    assert (before.good, verdict.flaw) == (True, Flaw.UNKNOWN_SIGNER)


def test_a_revoked_key_of_ssh_is_refused(ada: SshKey) -> None:
    trust = {"allowed_signers": allowed({"ada@example.com": ada}), "revoked_keys": f"{ada.public}\n".encode()}

    verdict = judged(trust, ada.sign(COMMIT))

    assert (verdict.flaw, verdict.text) == (Flaw.REVOKED, f"is signed by a revoked key {ada.fingerprint}")


def test_a_key_in_hardware_signs(ssh_keys: Path) -> None:
    """A signature as FIDO makes it, of a key in software."""
    from hashlib import sha256, sha512

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def text(data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + data

    private = Ed25519PrivateKey.generate()
    type_, application = b"sk-ssh-ed25519@openssh.com", b"ssh:"
    public = text(type_) + text(private.public_key().public_bytes_raw()) + text(application)
    line = f'ada@example.com namespaces="git" {type_.decode()} {base64.b64encode(public).decode()}\n'.encode()

    def signature() -> bytes:
        message = b"SSHSIG" + text(b"git") + text(b"") + text(b"sha512") + text(sha512(COMMIT).digest())
        counter = (7).to_bytes(4, "big")
        raw = private.sign(sha256(application).digest() + b"\1" + counter + sha256(message).digest())
        blob = text(type_) + text(raw) + b"\1" + counter
        body = b"SSHSIG" + (1).to_bytes(4, "big") + text(public) + text(b"git") + text(b"") + text(b"sha512") + text(blob)
        return b"-----BEGIN SSH SIGNATURE-----\n" + base64.encodebytes(body) + b"-----END SSH SIGNATURE-----\n"

    assert judged({"allowed_signers": line}, signature()).good


@pytest.mark.parametrize("sign", ["ssh", "openpgp"])
def test_the_signer_has_to_be_the_committer_where_that_is_demanded(
    ada: SshKey, gpg: GpgHome, pgp: str, ring: dict[str, bytes], sign: str
) -> None:
    signers: dict[str, Callable[[bytes], bytes]] = {"ssh": ada.sign, "openpgp": lambda payload: gpg.sign(payload, pgp)}
    trust = ring | {"allowed_signers": allowed({"*@example.com": ada})}
    trust = trust if sign == "openpgp" else {"allowed_signers": allowed({"ada@example.com": ada})}

    assert judged(trust, signers[sign](COMMIT), committer=True).good
    other = judged(trust, signers[sign](COMMIT), committer=True, address="eve@example.com")
    assert other.flaw is Flaw.OTHER_IDENTITY
    assert "who is not its committer eve@example.com" in other.text


def test_a_key_of_the_forge_is_told_from_those_of_people(ada: SshKey, eve: SshKey) -> None:
    trust = {"allowed_signers": allowed({"ada@example.com": ada}), "forge_signers": allowed({"forge@example.com": eve})}

    verdict = judged(trust, eve.sign(COMMIT))

    assert (verdict.good, verdict.forge, verdict.signer) == (True, True, "forge@example.com")
    assert not judged(trust, ada.sign(COMMIT)).forge
