"""Claims signed with an RSA key (JWT, RFC 7519, with RS256).

Services give a token in exchange for one.
Reading a private key costs some 40 ms, because it is checked, and the same Secret is read at every poll: keys stay read.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

WEAKEST_BITS = 2048


class KeyInvalid(ValueError):
    """A text that is no private key in PEM without a passphrase."""


class KeyTooWeak(KeyInvalid):
    """A key that is not RSA, or shorter than `WEAKEST_BITS`."""


@lru_cache(maxsize=64)
def read_key(pem: str) -> RSAPrivateKey:
    """The private key of a PEM text.

    Raises:
        KeyInvalid: it is none; `KeyTooWeak` when it is of another kind.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyInvalid from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < WEAKEST_BITS:
        raise KeyTooWeak
    return key


def signed_claim(claims: Mapping[str, object], pem: str, *, key_id: str = "") -> str:
    """The claims with a signature, as three parts of base64url.

    Args:
        claims: as the service documents them.
        pem: the private key.
        key_id: names the key among those of its owner; left out when empty.

    Raises:
        KeyInvalid: see `read_key`.
    """
    header = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
    text = f"{_encoded(orjson.dumps(header))}.{_encoded(orjson.dumps(claims))}"
    return f"{text}.{_encoded(read_key(pem).sign(text.encode(), PKCS1v15(), SHA256()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
