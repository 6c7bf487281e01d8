"""Lines of an OpenSSH `allowed_signers` file, as far as people are informed.

Whether a signature is valid is decided by ssh-keygen; a line that it would skip silently is an error here, because a
signer that is skipped is a signer that is missed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_TYPES = frozenset(
    {
        "ssh-ed25519",
        "ssh-rsa",
        *(f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521)),
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:[^"\\]|\\.)*)")?(?:,|\Z)')
_DATE = re.compile(r"([0-9]{8})(?:([0-9]{4})([0-9]{2})?)?(Z?)")
_OPTIONS = frozenset({"cert-authority", "namespaces", "valid-after", "valid-before"})
_GIT = "git"
_LONGEST_TYPE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSigner:
    """One line: a key, and for whom and when it counts.

    Attributes:
        line: its number.
        principals: patterns, separated by commas.
        fingerprint: `SHA256:…` of the key.
        type: of the key.
        authority: it is a certificate authority, which signs the keys of the signers.
        namespaces: of signatures; empty for all.
        valid_after: since when it counts, aware; None for always.
        valid_before: until when, likewise.
    """

    line: int
    principals: str
    fingerprint: str
    type: str
    authority: bool = False
    namespaces: str = ""
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    @property
    def for_git(self) -> bool:
        """Whether it may sign commits."""
        return not self.namespaces or _GIT in self.namespaces.split(",")


def allowed_signers(text: str) -> Iterator[AllowedSigner]:
    """The signers of a file.

    Raises:
        ValueError: with the number of the line that is wrong.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                yield _signer(number, line.strip())
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from error


def key_of(text: str) -> tuple[str, str]:
    """Type and base64 of a public key, as in a `.pub` file.

    Raises:
        ValueError: it is none.
    """
    words = text.split()
    if "PRIVATE KEY" in text:
        raise ValueError("holds a private key: take it out, and keep the public one only")
    if len(words) < 2:  # noqa: PLR2004 - type and key
        raise ValueError("is not a public key of SSH")
    _fingerprint(words[0], words[1])
    return words[0], words[1]


def _signer(number: int, line: str) -> AllowedSigner:
    words = _split(line)
    if len(words) < 3:  # noqa: PLR2004 - principals, type, key
        raise ValueError("a line needs principals, a key type and a key")
    principals, rest = words[0].strip('"'), words[1:]
    options: dict[str, str] = {}
    if not _is_type(rest[0]) and len(rest) > 2 and _is_type(rest[1]):  # noqa: PLR2004 - options, type, key
        options, rest = _options(rest[0]), rest[1:]
    fingerprint = _fingerprint(rest[0], rest[1])
    return AllowedSigner(
        line=number,
        principals=principals,
        fingerprint=fingerprint,
        type=rest[0],
        authority="cert-authority" in options,
        namespaces=options.get("namespaces", ""),
        valid_after=_date(options["valid-after"]) if "valid-after" in options else None,
        valid_before=_date(options["valid-before"]) if "valid-before" in options else None,
    )


def _split(line: str) -> list[str]:
    """Words, in which blanks between quotation marks do not count."""
    return re.findall(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+', line)


def _is_type(word: str) -> bool:
    return word in _TYPES or (word.startswith(("ssh-", "ecdsa-", "sk-")) and "=" not in word)


def _options(word: str) -> dict[str, str]:
    options, at = {}, 0
    while at < len(word):
        match = _OPTION.match(word, at)
        if match is None or match[1].lower() not in _OPTIONS:
            raise ValueError(f'unknown option "{word[at : at + _LONGEST_TYPE]}"')
        options[match[1].lower()] = match[2] or ""
        at = match.end()
    return options


def _fingerprint(kind: str, text: str) -> str:
    if kind not in _TYPES:
        raise ValueError(f'no key type "{kind[:_LONGEST_TYPE]}"{" any more" if kind == "ssh-dss" else ""}')
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the key is not base64") from error
    size = int.from_bytes(data[:4], "big")
    if data[4 : 4 + size] != kind.encode():
        raise ValueError(f"the key is not of the type {kind}")
    return "SHA256:" + base64.b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _date(text: str) -> datetime:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text[:_LONGEST_TYPE]}" is not a date such as 20270101 or 202701011200Z')
    try:
        return datetime.strptime(f"{match[1]}{match[2] or '0000'}{match[3] or '00'}", "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f'"{text[:_LONGEST_TYPE]}" is not a date') from error
