"""ID tokens of every kind, with real keys."""

from __future__ import annotations

import base64
import hmac
from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gitops_agent.manifest.key import Object

RSA_BITS = 2048


@cache
def rsa_key(name: str = "one", bits: int = RSA_BITS) -> rsa.RSAPrivateKey:
    """A key by name, made once a run."""
    del name
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    """A key of P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def public(key: rsa.RSAPrivateKey, name: str = "one") -> Object:
    """The public half as a JSON Web Key."""
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": number(numbers.n), "e": number(numbers.e)}


def public_ec(name: str = "curve") -> Object:
    """The public half of the key of P-256."""
    numbers = ec_key().public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "kid": name, "x": number(numbers.x, 32), "y": number(numbers.y, 32)}


def rs256(claims: Any, *, kid: str = "one", key: rsa.RSAPrivateKey | None = None, **header: Any) -> str:
    """A token that a provider signs."""
    text = unsigned({"alg": "RS256", "kid": kid, **header}, claims)
    return f"{text}.{encoded((key or rsa_key()).sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def ps256(claims: Any) -> str:
    """The same by PSS."""
    text = unsigned({"alg": "PS256", "kid": "pss"}, claims)
    form = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
    return f"{text}.{encoded(rsa_key().sign(text.encode(), form, SHA256()))}"


def es256(claims: Any) -> str:
    """The same by an elliptic curve."""
    text = unsigned({"alg": "ES256", "kid": "curve"}, claims)
    r, s = decode_dss_signature(ec_key().sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{encoded(r.to_bytes(32) + s.to_bytes(32))}"


def hs256(claims: Any, secret: bytes, **header: Any) -> str:
    """A token that a shared secret signs."""
    text = unsigned({"alg": "HS256", "kid": "one", **header}, claims)
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def public_pem() -> bytes:
    """The public key as a forger takes it for a shared secret."""
    return rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def unsigned(header: Any, claims: Any) -> str:
    """Header and claims."""
    return f"{encoded(orjson.dumps(header))}.{encoded(orjson.dumps(claims))}"


def number(value: int, size: int = 0) -> str:
    """A number as keys spell it."""
    return encoded(value.to_bytes(size or (value.bit_length() + 7) // 8))


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
