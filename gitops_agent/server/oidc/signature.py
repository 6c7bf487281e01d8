"""Signatures of JSON Web Tokens, by public keys only.

RFC 7515 and RFC 7518. The algorithms are those that an API server accepts. A key is used for the algorithms of its own kind, so
a public key never becomes a shared secret.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from gitops_agent.manifest.key import Object

ALGORITHMS = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512))
_SHORTEST_RSA, _LONGEST_RSA = 2048, 8192
_CURVES = {"ES256": ("P-256", 32), "ES384": ("P-384", 48), "ES512": ("P-521", 66)}


def is_signed_by(key: Object, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Whether a key made a signature.

    Args:
        key: a JSON Web Key.
        algorithm: one of `ALGORITHMS`.
        signed: the text.
        signature: its bytes.
    """
    from cryptography.exceptions import InvalidSignature

    try:
        check = _elliptic(key, algorithm) if algorithm.startswith("ES") else _rsa(key, algorithm)
        if check is None:
            return False
        check(signature, signed)
    except (InvalidSignature, ValueError, TypeError, KeyError):
        return False
    return True


Check = Callable[[bytes, bytes], object]
"""Raises where the signature is not of the text."""


def _rsa(key: Object, algorithm: str) -> Check | None:
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    if key.get("kty") != "RSA":
        return None
    modulus = _number(key["n"])
    if not _SHORTEST_RSA <= modulus.bit_length() <= _LONGEST_RSA:
        return None
    public, digest = RSAPublicNumbers(_number(key["e"]), modulus).public_key(), _digest(algorithm)
    form: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm.startswith("PS"):
        form = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
    return lambda signature, signed: public.verify(signature, signed, form, digest)


def _elliptic(key: Object, algorithm: str) -> Check | None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curve, size = _CURVES[algorithm]
    if key.get("kty") != "EC" or key.get("crv") != curve:
        return None
    kinds: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    public = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), kinds[curve]).public_key()

    def check(signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * size:
            raise ValueError(algorithm)
        both = (int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
        public.verify(encode_dss_signature(*both), signed, ec.ECDSA(_digest(algorithm)))

    return check


def _digest(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[2:]]


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
