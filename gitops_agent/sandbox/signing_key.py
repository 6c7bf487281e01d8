"""The key that signs ServiceAccount tokens.

A P-256 private key is a random number with a name tag; the public point is optional in its encoding (RFC 5915) and derived by
its readers. So the standard library is enough. The serving certificate is left to kube-apiserver, which signs its own.
"""

from __future__ import annotations

import base64
import secrets

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_VERSION_1 = bytes([0x02, 0x01, 0x01])
_OCTETS_32 = bytes([0x04, 0x20])
_CURVE = bytes([0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07])  # [0] OID 1.2.840.10045.3.1.7


def new_signing_key() -> str:
    """A fresh ECDSA private key on P-256 as PEM (`EC PRIVATE KEY`)."""
    number = 1 + secrets.randbelow(_ORDER - 1)
    body = _VERSION_1 + _OCTETS_32 + number.to_bytes(32, "big") + _CURVE
    der = bytes([0x30, len(body)]) + body
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN EC PRIVATE KEY-----", *lines, "-----END EC PRIVATE KEY-----", ""])
