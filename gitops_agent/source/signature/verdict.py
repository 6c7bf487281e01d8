"""Verdict on the signature of one commit or tag."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

_LONGEST = 200


class SignatureKind(StrEnum):
    """What made a signature."""

    NONE = ""
    OPENPGP = "OpenPGP"
    SSH = "SSH"


class Flaw(StrEnum):
    """Why a signature does not count."""

    NOT_SIGNED = "NotSigned"
    MALFORMED = "SignatureMalformed"
    UNSUPPORTED = "SignatureUnsupported"
    BAD = "BadSignature"
    UNKNOWN_SIGNER = "UnknownSigner"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    OTHER_IDENTITY = "OtherIdentity"
    OUT_OF_SCOPE = "OutOfScope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a signature counts, and whose it is.

    Attributes:
        flaw: why it does not count; None when it does.
        text: completes "COMMIT …" for people, such as "is not signed"; empty when it counts.
        signer: the principal or user ID, printable, at most 200 characters.
        key: the whole fingerprint of the (primary) key; empty when unknown.
        kind: what made the signature.
        forge: the key is one of the forge's.
        at: when it was judged first, aware, UTC.
    """

    flaw: Flaw | None = None
    text: str = ""
    signer: str = ""
    key: str = ""
    kind: SignatureKind = SignatureKind.NONE
    forge: bool = False
    at: datetime

    @property
    def good(self) -> bool:
        """Whether the signature counts."""
        return self.flaw is None


def printable(text: str) -> str:
    """At most 200 printable characters of a key's or signature's text."""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST]
