from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.signers import Signers
from tests.source.signature.keys import GpgHome, SshKey, allowed


@pytest.mark.slow
def test_every_form_of_a_key_is_read(gpg: GpgHome, ada: SshKey, eve: SshKey) -> None:
    first, second = gpg.key("armored@example.com"), gpg.key("binary@example.com")
    data = {
        "one.asc": gpg.export(first),
        "two.pgp": gpg.export(second, armor=False),
        "allowed_signers": allowed({"ada@example.com": ada}),
        "eve.sshpub": f"{eve.public} eve\n".encode(),
        "readme": b"who is who",
    }

    signers = Signers.read(data, name="signers")

    assert {certificate.fingerprint for certificate in signers.people.certificates} == {first, second}
    assert [(each.principals, each.fingerprint) for each in signers.people.allowed] == [
        ("ada@example.com", ada.fingerprint),
        ("*", eve.fingerprint),
    ]
    assert signers.ignored == ("readme",)


def test_the_digest_is_that_of_the_trust(ada: SshKey, eve: SshKey) -> None:
    line, other = allowed({"ada@example.com": ada}), allowed({"eve@example.com": eve})

    signers = Signers.read({"allowed_signers": line, "readme": b"a"}, name="signers")

    assert signers.digest == Signers.read({"allowed_signers": line, "readme": b"b"}, name="signers").digest
    assert signers.digest != Signers.read({"allowed_signers": line, "revoked_keys": b"x"}, name="signers").digest
    assert signers.digest != Signers.read({"allowed_signers": line, "forge_signers": other}, name="signers").digest


@pytest.mark.parametrize(
    ("key", "content", "problem"),
    [
        (
            "allowed_signers",
            b"# nothing\n\na ssh-dss AAAA\n",
            'signers: allowed_signers line 3: no key type "ssh-dss" any more',
        ),
        ("a.sshpub", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "signers: a.sshpub holds a private key: take it out"),
        (
            "a.asc",
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAA==\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "holds a private key",
        ),
        ("a.asc", b"hello", "signers: a.asc holds no OpenPGP certificate"),
        ("a.pgp", b"\x98\xff", "signers: a.pgp is an OpenPGP certificate that was cut off"),
        ("forge_signers", b"\xff", "signers: forge_signers "),
    ],
)
def test_a_damaged_secret_trusts_nobody(ada: SshKey, key: str, content: bytes, problem: str) -> None:
    with pytest.raises(SourceError) as refusal:
        Signers.read({"b.sshpub": ada.public.encode()} | {key: content}, name="signers")

    assert problem in str(refusal.value)
    assert refusal.value.reason == "SecretInvalid"


def test_a_secret_without_keys_trusts_nobody(ada: SshKey) -> None:
    for data in ({}, {"allowed_signers": b"# none\n"}, {"forge_signers": allowed({"forge": ada})}):
        with pytest.raises(SourceError, match="it holds no key of a signer"):
            Signers.read(data, name="signers")
