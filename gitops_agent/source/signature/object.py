"""Splits a commit or tag into what was signed and its signature.

Problem: a verifier that reads an object differently from Git verifies something that Git does not build. Decision: an own split
that takes the bytes as they are, agrees with Git on every object it accepts, and refuses all that two readers could understand
differently: a header that stands twice, a NUL, a signature of unreasonable size, an unknown header of the same family.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitops_agent.errors import SourceError

LONGEST_SIGNATURE = 64 * 1024
_OWN = {40: b"gpgsig", 64: b"gpgsig-sha256"}
"""The header that signs an object, by the digits of its name."""
_FAMILY = b"gpgsig"
_ARMOR = re.compile(rb"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----", re.MULTILINE)
_ADDRESS = re.compile(rb"[^<>\n]*<([^<>\n]*)> [0-9]+ [+-][0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedObject:
    """What was signed, and the signature.

    Attributes:
        payload: the object without its signature, byte for byte.
        signature: in its armor; empty when the object is not signed.
    """

    payload: bytes
    signature: bytes


def split_commit(raw: bytes, *, digits: int) -> SignedObject:
    """Splits a commit at its signature header.

    Args:
        raw: the content of the object.
        digits: of an object's name in this repository, 40 or 64.

    Raises:
        SourceError: reason `SignatureMalformed`.
    """
    headers, blank, message = _parts(raw)
    payload, signature = bytearray(), bytearray()
    names: set[bytes] = set()
    current = b""
    for line in _lines(headers):
        if line.startswith(b" "):
            if not current:
                raise _malformed("begins with a continuation line")
        else:
            current = line.partition(b" ")[0].rstrip(b"\n")
            if current.startswith(_FAMILY):
                if current not in _OWN.values():
                    raise _malformed(f"has an unknown header {current[:40].decode('ascii', 'replace')}")
                if current in names:
                    raise _malformed(f"has two headers {current.decode()}")
                names.add(current)
        if current == _OWN[digits]:
            signature += line[1:] if line.startswith(b" ") else line[len(current) + 1 :]
        elif not current.startswith(_FAMILY):
            payload += line
    if len(signature) > LONGEST_SIGNATURE:
        raise _malformed(f"has a signature of {len(signature)} bytes, more than the {LONGEST_SIGNATURE} allowed")
    return SignedObject(payload=bytes(payload) + blank + message, signature=bytes(signature))


def split_tag(raw: bytes) -> SignedObject:
    """Splits a tag object before its last armor.

    Raises:
        SourceError: reason `SignatureMalformed`.
    """
    headers, _, _ = _parts(raw)
    if any(line.startswith(_FAMILY) for line in _lines(headers)):
        raise _malformed("is a tag with the signature header of a commit")
    begins = [match.start() for match in _ARMOR.finditer(raw)]
    end = begins[-1] if begins else len(raw)
    if len(raw) - end > LONGEST_SIGNATURE:
        raise _malformed(f"has a signature of {len(raw) - end} bytes, more than the {LONGEST_SIGNATURE} allowed")
    return SignedObject(payload=raw[:end], signature=raw[end:])


def header(raw: bytes, name: str) -> str | None:
    """The value of an object's header; None when it is absent.

    Raises:
        SourceError: reason `SignatureMalformed`, when it stands twice.
    """
    prefix = name.encode() + b" "
    values = [line[len(prefix) :].rstrip(b"\n") for line in _lines(_parts(raw)[0]) if line.startswith(prefix)]
    if len(values) > 1:
        raise _malformed(f"has two headers {name}")
    return values[0].decode("utf-8", "replace") if values else None


def parents(raw: bytes) -> tuple[str, ...]:
    """The parents of a commit, first one first."""
    lines = _lines(_parts(raw)[0])
    return tuple(line[7:].strip().decode("ascii", "replace") for line in lines if line.startswith(b"parent "))


def address(raw: bytes, name: str) -> str:
    """The mail address of `author`, `committer` or `tagger`; empty without one."""
    match = _ADDRESS.fullmatch((header(raw, name) or "").encode())
    return match[1].decode("utf-8", "replace") if match else ""


def _parts(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """Headers, the empty line, and the message."""
    end = raw.find(b"\n\n")
    headers, rest = (raw, b"") if end < 0 else (raw[: end + 1], raw[end + 1 :])
    if b"\0" in headers:
        raise _malformed("has a NUL in its headers")
    if not headers.endswith(b"\n"):
        raise _malformed("has a header that does not end")
    return headers, rest[:1], rest[1:]


def _lines(headers: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends one."""
    return [line + b"\n" for line in headers.split(b"\n")[:-1]]


def _malformed(text: str) -> SourceError:
    return SourceError(text, reason="SignatureMalformed")
