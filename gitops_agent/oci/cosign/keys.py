"""Public keys of signers, and whether one of them made a signature.

Which hash and padding belong to a key is not said by a signature, so those that cosign uses for its kind are tried; all of them
are sound. Keys that are too short are refused where they are read, and not passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitops_agent.errors import SourceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_SUFFIX = ".pub"
_LONGEST = 64 * 1024
_MOST = 100
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerKey:
    """A key with its name and digest in the Secret."""

    name: str
    digest: str
    key: PublicKeyTypes = field(compare=False)

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made a signature over data."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

        key = self.key
        if isinstance(key, ec.EllipticCurvePublicKey):
            algorithms = (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())
            return any(_holds(key.verify, signature, data, ec.ECDSA(algorithm)) for algorithm in algorithms)
        if isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)
            return any(_holds(key.verify, signature, data, scheme, hashes.SHA256()) for scheme in (padding.PKCS1v15(), pss))
        return isinstance(key, ed25519.Ed25519PublicKey) and _holds(key.verify, signature, data)


def keys_of(data: Mapping[str, bytes]) -> tuple[SignerKey, ...]:
    """The keys `*.pub` of a Secret, by name.

    Raises:
        SourceError: reason `InvalidSpec`: there is none, or one of them is no public key that cosign signs with.
    """
    names = sorted(name for name in data if name.endswith(_SUFFIX))
    if not names or len(names) > _MOST:
        raise _invalid(f"it has {len(names)} keys that end in {_SUFFIX}, and 1 to {_MOST} are needed")
    return tuple(
        SignerKey(name=name, digest=hashlib.sha256(data[name]).hexdigest(), key=_read(name, data[name])) for name in names
    )


def _read(name: str, pem: bytes) -> PublicKeyTypes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem[:_LONGEST])
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _invalid(f"its key {name} is no public key in PEM") from None
    curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1)
    long = isinstance(key, rsa.RSAPublicKey) and key.key_size >= _RSA_BITS
    if not (curve or long or isinstance(key, ed25519.Ed25519PublicKey)):
        raise _invalid(f"its key {name} is neither ECDSA (P-256, P-384, P-521), Ed25519 nor RSA of {_RSA_BITS} bits and more")
    return key


def _holds(verify: Callable[..., None], *arguments: object) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        verify(*arguments)
    except InvalidSignature:
        return False
    return True


def _invalid(message: str) -> SourceError:
    return SourceError(f"the secret cannot be used: {message}", reason="InvalidSpec")
