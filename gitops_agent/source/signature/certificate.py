"""Reads OpenPGP certificates: fingerprints, user IDs, and when they expire.

Only as far as people are informed: whether a signature is valid is decided by gpgv. Certificates come armored or binary,
several in a file, and gpgv reads binary ones only, so the armor is removed here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_BLOCK = re.compile(rb"-----BEGIN PGP ([A-Z ]+)-----\r?\n(.*?)-----END PGP \1-----", re.DOTALL)
_PUBLIC_KEY, _PRIVATE_KEY = b"PUBLIC KEY BLOCK", b"PRIVATE KEY BLOCK"
_SIGNATURE, _SECRET_KEY, _KEY, _SECRET_SUBKEY, _USER_ID, _SUBKEY = 2, 5, 6, 7, 13, 14
_KEY_EXPIRES = 9
_CERTIFICATIONS = range(0x10, 0x14)
_DIRECT, _REVOKES_KEY = 0x1F, 0x20
_V4, _V5, _V6 = 4, 5, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A primary key, and what its certificate states of it.

    Attributes:
        fingerprint: whole, in capitals.
        users: the user IDs.
        created: when the key was made; aware, UTC.
        expires: when it expires; None for never.
        revoked: the certificate carries a revocation of the key.
    """

    fingerprint: str
    users: tuple[str, ...] = ()
    created: datetime
    expires: datetime | None = None
    revoked: bool = False


def binary(data: bytes) -> bytes:
    """Certificates without their armor.

    Raises:
        ValueError: they are no certificates, or hold a private key.
    """
    if b"-----BEGIN PGP " not in data:
        if not data or not data[0] & 0x80:
            raise ValueError("holds no OpenPGP certificate")
        return data
    result = b""
    for match in _BLOCK.finditer(data):
        if match[1] == _PRIVATE_KEY:
            raise ValueError("holds a private key: take it out, and keep the public one only (gpg --export --armor)")
        if match[1] == _PUBLIC_KEY:
            result += _dearmored(match[2])
    if not result:
        raise ValueError("holds no PGP PUBLIC KEY BLOCK")
    return result


def certificates(data: bytes) -> tuple[Certificate, ...]:
    """The certificates of a binary key ring.

    Raises:
        ValueError: it is damaged, or holds a private key.
    """
    result: list[Certificate] = []
    for tag, body in _packets(data):
        if tag in (_SECRET_KEY, _SECRET_SUBKEY):
            raise ValueError("holds a private key: take it out, and keep the public one only (gpg --export)")
        if tag == _KEY:
            result.append(_key(body))
        elif not result:
            raise ValueError("does not begin with an OpenPGP key")
        elif tag == _USER_ID:
            result[-1] = replace(result[-1], users=(*result[-1].users, body.decode("utf-8", "replace")))
        elif tag == _SIGNATURE:
            result[-1] = _signed(result[-1], body)
    if not result:
        raise ValueError("holds no OpenPGP certificate")
    return tuple(result)


def _dearmored(block: bytes) -> bytes:
    lines = block.replace(b"\r\n", b"\n").split(b"\n")
    blank = next((number for number, line in enumerate(lines) if not line.strip()), -1)
    text = b"".join(line.strip() for line in lines[blank + 1 :] if not line.startswith(b"="))
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("has a damaged armor") from error


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    try:
        while at < len(data):
            first = data[at]
            if not first & 0x80:
                raise ValueError("is a damaged OpenPGP certificate")
            tag, at, size = _new_header(data, at) if first & 0x40 else _old_header(data, at)
            if at + size > len(data):
                raise ValueError("is an OpenPGP certificate that was cut off")
            yield tag, data[at : at + size]
            at += size
    except IndexError as error:
        raise ValueError("is an OpenPGP certificate that was cut off") from error


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    tag, width = (data[at] >> 2) & 0x0F, (1, 2, 4, 0)[data[at] & 3]
    if not width:
        raise ValueError("is a damaged OpenPGP certificate")
    return tag, at + 1 + width, int.from_bytes(data[at + 1 : at + 1 + width], "big")


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    tag = data[at] & 0x3F
    size, at = _length(data, at + 1)
    return tag, at, size


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length in the form of RFC 9580, and where it ends."""
    first = data[at]
    if first < 192:  # noqa: PLR2004 - one octet
        return first, at + 1
    if first < 224:  # noqa: PLR2004 - two octets
        return ((first - 192) << 8) + data[at + 1] + 192, at + 2
    if first == 255:  # noqa: PLR2004 - five octets
        return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
    raise ValueError("is an OpenPGP certificate in pieces, which is not supported")


def _key(body: bytes) -> Certificate:
    version = body[0] if body else 0
    if version == _V4:
        fingerprint = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest()
    elif version in (_V5, _V6):
        prefix = b"\x9a" if version == _V5 else b"\x9b"
        fingerprint = hashlib.sha256(prefix + len(body).to_bytes(4, "big") + body).hexdigest()
    else:
        raise ValueError(f"holds an OpenPGP key of version {version}, which is not supported")
    return Certificate(fingerprint=fingerprint.upper(), created=_moment(int.from_bytes(body[1:5], "big")))


def _signed(certificate: Certificate, body: bytes) -> Certificate:
    """What a signature of version 4 adds: an end, or a revocation."""
    if len(body) < 6 or body[0] != _V4:  # noqa: PLR2004 - up to the length of what it hashes
        return certificate
    if body[1] == _REVOKES_KEY:
        return replace(certificate, revoked=True)
    if body[1] not in _CERTIFICATIONS and body[1] != _DIRECT:
        return certificate
    at, end = 6, 6 + int.from_bytes(body[4:6], "big")
    while at < min(end, len(body)):
        size, at = _length(body, at)
        if size and body[at] & 0x7F == _KEY_EXPIRES:
            seconds = int.from_bytes(body[at + 1 : at + size], "big")
            expires = _moment(int(certificate.created.timestamp()) + seconds) if seconds else None
            return replace(certificate, expires=expires)
        at += size
    return certificate


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
