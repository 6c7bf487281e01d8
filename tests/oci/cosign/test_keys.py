from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa

from gitops_agent.errors import SourceError
from gitops_agent.oci.cosign.keys import keys_of
from tests.oci.cosign.signing import public, signer

RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
P384 = ec.generate_private_key(ec.SECP384R1())
PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


@pytest.mark.parametrize(
    ("pem", "signature"),
    [
        (public(RSA), RSA.sign(b"data", padding.PKCS1v15(), hashes.SHA256())),
        (public(RSA), RSA.sign(b"data", PSS, hashes.SHA256())),
        (public(ED), ED.sign(b"data")),
        (public(P384), P384.sign(b"data", ec.ECDSA(hashes.SHA384()))),
        (public(P384), P384.sign(b"data", ec.ECDSA(hashes.SHA256()))),
    ],
    ids=["RSA PKCS1", "RSA PSS", "Ed25519", "P-384 SHA-384", "P-384 SHA-256"],
)
def test_keys_of_every_kind_are_read(pem: bytes, signature: bytes) -> None:
    (key,) = keys_of({"cosign.pub": pem, "other": b"x"})

    assert key.name == "cosign.pub"
    assert key.signed(b"data", signature)
    assert not key.signed(b"date", signature)
    assert not key.signed(b"data", signature[:-1])
    assert not key.signed(b"data", b"")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"cosign.key": b"x"},
        {"cosign.pub": b"nonsense"},
        {"a.pub": public(signer()), "b.pub": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"},
        {"weak.pub": public(rsa.generate_private_key(65537, 1024))},  # noqa: S505 - refused
        {"curve.pub": public(ec.generate_private_key(ec.SECP224R1()))},
        {"dsa.pub": public(dsa.generate_private_key(2048))},
        {f"{number}.pub": b"" for number in range(101)},
    ],
)
def test_a_secret_that_holds_anything_else_is_refused(data: dict[str, bytes]) -> None:
    with pytest.raises(SourceError) as caught:
        keys_of(data)

    assert caught.value.reason == "InvalidSpec"
