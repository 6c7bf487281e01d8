"""Identities: those in certificates, and those that Applications demand.

A certificate of Fulcio names a signer (a workflow, an address of mail) and the service that vouched for him. A demanded
identity is exact, or a pattern over the whole text: a part that fits proves nothing, because everyone may choose the name of
a repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LONGEST_SUBJECT = 1024
_SHOWN = 200
_ONE, _MANY = "*", "**"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CertificateIdentity:
    """The signer in a certificate.

    Attributes:
        subject: such as the address of a workflow.
        issuer: the service that vouched for him.
    """

    subject: str
    issuer: str

    def __str__(self) -> str:
        return f"{_cut(self.subject)} (issuer {_cut(self.issuer)})"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SignerIdentity:
    """A signer that is demanded.

    Attributes:
        subject: the exact text, or a pattern over all of it.
        issuer: the exact text.
        pattern: whether `*` stands for any text without `/`, and `**` for any text.
    """

    subject: str
    issuer: str
    pattern: bool = False

    def fits(self, identity: CertificateIdentity) -> bool:
        """Whether a certificate names this signer."""
        if identity.issuer != self.issuer:
            return False
        if self.pattern:
            return _matches(_tokens(self.subject), identity.subject)
        return identity.subject == self.subject

    def __str__(self) -> str:
        return f"{_cut(self.subject)} (issuer {_cut(self.issuer)})"


def distinct(signers: Mapping[CertificateIdentity, frozenset[SignerIdentity]]) -> int:
    """How many signers stand for different demanded identities.

    One signer counts once, however many patterns he fits, and one demanded identity counts once, however many fit it.

    Args:
        signers: with the demanded identities that each fits.
    """
    taken: dict[SignerIdentity, CertificateIdentity] = {}

    def placed(signer: CertificateIdentity, tried: set[SignerIdentity]) -> bool:
        for demanded in sorted(signers[signer] - tried):
            tried.add(demanded)
            if demanded not in taken or placed(taken[demanded], tried):
                taken[demanded] = signer
                return True
        return False

    return sum(placed(signer, set()) for signer in sorted(signers))


def _tokens(pattern: str) -> list[str]:
    tokens: list[str] = []
    for letter in pattern:
        if letter == _ONE and tokens and tokens[-1] in (_ONE, _MANY):
            tokens[-1] = _MANY
        else:
            tokens.append(letter)
    return tokens


def _matches(tokens: list[str], text: str) -> bool:
    """Whether a pattern fits all of a text.

    A bit stands for a token that comes next.
    """
    bits: dict[str, int] = {}
    for number, token in enumerate(tokens):
        bits[token] = bits.get(token, 0) | 1 << number
    single, many = bits.pop(_ONE, 0), bits.pop(_MANY, 0)
    states = 1 | (1 & (single | many)) << 1
    for letter in text:
        states = (states & bits.get(letter, 0)) << 1 | states & (many | (0 if letter == "/" else single))
        states |= (states & (single | many)) << 1  # a wildcard may stand for nothing; two never follow each other
    return bool(states >> len(tokens) & 1)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
