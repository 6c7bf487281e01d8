"""The keys that may sign provenance files of charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.errors import SourceError
from gitops_agent.source.signature.signers import Signers


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenancePolicy:
    """The keys of which one has to sign a provenance file.

    Attributes:
        ring: OpenPGP certificates, binary.
        digest: of all of them.
    """

    ring: bytes = field(repr=False)
    digest: str

    @classmethod
    def read(cls, data: Mapping[str, bytes], *, name: str) -> ProvenancePolicy:
        """The keys of a Secret.

        Raises:
            SourceError: reason `SecretInvalid`.
        """
        signers = Signers.read(data, name=name)
        if not signers.people.ring:
            text = f"{name}: it holds no OpenPGP key (*.asc or *.pgp), and provenance files are signed by no others"
            raise SourceError(text, reason="SecretInvalid")
        return cls(ring=signers.people.ring, digest=signers.digest)
