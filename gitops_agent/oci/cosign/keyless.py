"""Signers without keys, and what vouches for them.

A certificate that lived for minutes takes the place of the key, and a trusted root that of the list of keys. What verifies
them is an extra of the package, and is loaded where the first signature is judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.errors import SourceError
from gitops_agent.oci.cosign.identity import CertificateIdentity, SignerIdentity, distinct
from gitops_agent.oci.cosign.statement import Statement

ROOT_KEY = "trusted_root.json"
_LONGEST = 1024 * 1024
_MOST = 16
_REASONS = 3
_EXTRA = "signatures without keys need the package sigstore: install gitops-agent[sigstore]"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeylessSigners:
    """Those who may sign, and what vouches for them.

    Attributes:
        identities: of the signers.
        digest: of the trusted root; empty for that of the public instance.
        root: the trusted root.
    """

    identities: tuple[SignerIdentity, ...]
    digest: str = ""
    root: bytes = field(default=b"", repr=False, compare=False)

    @classmethod
    def read(cls, identities: tuple[SignerIdentity, ...], data: Mapping[str, bytes] | None = None) -> KeylessSigners:
        """The signers, with the root in a Secret.

        Args:
            identities: of the signers.
            data: of the Secret; None for the root of the public instance.

        Raises:
            SourceError: reason `InvalidSpec`: the Secret holds no trusted root, or the extra is not installed.
        """
        if not 0 < len(identities) <= _MOST:
            raise _invalid(f"verify.cosign names {len(identities)} identities, and 1 to {_MOST} are needed")
        try:
            from gitops_agent.oci.cosign import certificates
        except ImportError as error:
            raise _invalid(_EXTRA) from error
        if data is None:
            return cls(identities=identities, root=certificates.public_root())
        root = data.get(ROOT_KEY, b"")
        if not 0 < len(root) <= _LONGEST:
            size = f"{len(root)} bytes under" if root else "no"
            raise _invalid(f"the trusted root cannot be used: its Secret has {size} {ROOT_KEY}")
        try:
            certificates.check_root(root)
        except certificates.Uncertified as error:
            raise _invalid(f"the trusted root cannot be used: {error}") from error
        return cls(identities=identities, digest=hashlib.sha256(root).hexdigest(), root=root)


class KeylessVotes:
    """The signatures of one artifact, judged one by one.

    Args:
        signers: whose signatures count.
    """

    def __init__(self, signers: KeylessSigners) -> None:
        self._signers = signers
        self._fitting: dict[CertificateIdentity, frozenset[SignerIdentity]] = {}
        self._refusals: list[str] = []

    @property
    def names(self) -> frozenset[str]:
        """Who signed, in words."""
        return frozenset(map(str, self._fitting))

    @property
    def count(self) -> int:
        """How many of the demanded identities signed."""
        return distinct(self._fitting)

    def add(self, statement: Statement, digest: str) -> None:
        """Judges a signature; one that is not verified leaves a reason."""
        from gitops_agent.oci.cosign import certificates

        if digest not in statement.digests:
            self._refusals.append("one belongs to another artifact")
            return
        try:
            identity = certificates.certified(statement, self._signers.root, self._signers.identities)
        except certificates.Uncertified as error:
            by = f" with a certificate of {error.identity}" if error.identity is not None else ""
            self._refusals.append(f"one{by} does not count: {error}")
            return
        self._fitting[identity] = frozenset(allowed for allowed in self._signers.identities if allowed.fits(identity))

    def text(self, minimum: int) -> str:
        """Why that is not enough."""
        demanded = "; ".join(map(str, self._signers.identities))
        several = len(self._signers.identities) > 1
        whom = f"the {len(self._signers.identities)} demanded identities" if several else "the demanded identity"
        needed = f"{minimum} {'is' if minimum == 1 else 'are'} needed"
        reasons = "".join(f"; {reason}" for reason in self._refusals[:_REASONS])
        more = f"; and {len(self._refusals) - _REASONS} more" if len(self._refusals) > _REASONS else ""
        return f"by {self.count} of {whom}, and {needed}{reasons}{more}; demanded: {demanded}"


def _invalid(text: str) -> SourceError:
    return SourceError(text, reason="InvalidSpec")
