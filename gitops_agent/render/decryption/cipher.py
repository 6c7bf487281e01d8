"""One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.

The value is bound to its place: the path of keys that leads to it is authenticated with it, so that it decrypts nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import re

_VALUE = re.compile(
    r"ENC\[AES256_GCM,data:(?P<data>[A-Za-z0-9+/=]*+),iv:(?P<iv>[A-Za-z0-9+/=]++),tag:(?P<tag>[A-Za-z0-9+/=]++),"
    r"type:(?P<type>[a-z]{1,16})\]"
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?|[+-]?Inf|NaN")
_EXACT = 2**63
_NONCE_BYTES = range(8, 129)
_TAG_BYTES = 16


class Comment:
    """Marks a comment, which sops writes as an item of a list."""


COMMENT = Comment()

Leaf = str | bytes | int | float | bool
"""A decrypted value; bytes where it is no UTF-8."""


def is_ciphertext(text: str) -> bool:
    """Whether a text is one encrypted value and nothing else."""
    return text.startswith("ENC[AES256_GCM,") and _VALUE.fullmatch(text) is not None


def open_value(text: str, key: bytes, place: str) -> Leaf | Comment:
    """The plain value of an encrypted one.

    Args:
        text: as it stands in the file; the empty text stands for itself.
        key: the data key, 32 bytes.
        place: what is authenticated with it: the path of the value, or the time of the last change.

    Raises:
        ValueError: it is no encrypted value, or of another key or place; the text says which, without a value.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if text == "":
        return ""
    match = _VALUE.fullmatch(text)
    if match is None:
        raise ValueError("is not encrypted, although the rules of the file say so")
    try:
        data, nonce, tag = (base64.b64decode(match[part], validate=True) for part in ("data", "iv", "tag"))
    except (binascii.Error, ValueError):
        raise ValueError("is damaged: it is not base64") from None
    if len(nonce) not in _NONCE_BYTES or len(tag) != _TAG_BYTES:
        raise ValueError("is damaged: its nonce or tag has another length than sops writes")
    try:
        plain = AESGCM(key).decrypt(nonce, data + tag, place.encode("utf-8", "surrogateescape"))
    except InvalidTag:
        raise ValueError("was moved or changed after it was encrypted") from None
    return _typed(plain, match["type"])


def _typed(plain: bytes, kind: str) -> Leaf | Comment:
    if kind == "comment":
        return COMMENT
    if kind in ("str", "bytes", "time"):
        try:
            return plain.decode()
        except UnicodeDecodeError:
            return plain
    text = plain.decode("ascii", "replace")
    if kind == "int" and _INTEGER.fullmatch(text) and -_EXACT <= int(text) < _EXACT:
        return int(text)
    if kind == "float" and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise ValueError(f"is of the type {kind}, which is not read, or is no such value")
