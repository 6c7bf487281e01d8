"""Whether enough of the trusted signers signed an artifact.

A signature counts when a trusted key, or a trusted identity, made it over bytes that name the digest. What cannot be read
counts for nothing; what cannot be fetched is an error that may pass; and there is no answer that means success without a
signer that matched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gitops_agent.errors import SourceError
from gitops_agent.oci import blob, manifest
from gitops_agent.oci.cosign.keyless import KeylessSigners, KeylessVotes
from gitops_agent.oci.cosign.keys import SignerKey
from gitops_agent.oci.cosign.statement import (
    ATTACHED,
    BUNDLE,
    LONGEST,
    PREDICATE,
    SIMPLE_SIGNING,
    NoStatement,
    Statement,
    bundle,
    simple_signing,
)
from gitops_agent.oci.manifest import Descriptor
from gitops_agent.oci.referrers import referrers
from gitops_agent.oci.registry import Registry

_MOST = 20
_ABOUT = "dev.sigstore.bundle.predicateType"
_DAMAGED = ("BlobDamaged", "RevisionNotFound")
"""What all who may push can attach; it hides no other signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignPolicy:
    """Who is trusted, and how many of them have to sign.

    Attributes:
        keys: the trusted keys.
        keyless: the trusted identities, in place of keys.
        minimum: of different keys or identities.

    Raises:
        SourceError: reason `InvalidSpec`: it could never be met, or always.
    """

    keys: tuple[SignerKey, ...] = ()
    keyless: KeylessSigners | None = None
    minimum: int = 1

    def __post_init__(self) -> None:
        most, what = (len(self.keyless.identities), "identities") if self.keyless is not None else (len(self.keys), "keys")
        if not 1 <= self.minimum <= most or (self.keyless is not None and self.keys):
            text = f"verify.cosign asks for {self.minimum} signatures by {most} {what}"
            raise SourceError(text, reason="InvalidSpec")


class _KeyVotes:
    """The signatures of one artifact by keys; see `KeylessVotes`."""

    def __init__(self, keys: tuple[SignerKey, ...]) -> None:
        self._keys = keys
        self._signers: set[str] = set()

    @property
    def names(self) -> frozenset[str]:
        """The names of the keys that signed."""
        return frozenset(self._signers)

    @property
    def count(self) -> int:
        """How many keys signed."""
        return len(self._signers)

    def add(self, statement: Statement, digest: str) -> None:
        """Judges a signature."""
        if digest in statement.digests:
            signed, signatures = statement.signed, statement.signatures
            self._signers.update(
                key.name for key in self._keys if any(key.signed(signed, signature) for signature in signatures)
            )

    def text(self, minimum: int) -> str:
        """Why that is not enough."""
        keys = f"the {len(self._keys)} trusted keys" if len(self._keys) > 1 else "the trusted key"
        return f"by {self.count} of {keys}, and {minimum} {'is' if minimum == 1 else 'are'} needed"


def verify(registry: Registry, digest: str, policy: CosignPolicy) -> frozenset[str]:
    """The keys or identities that signed a manifest, enough of them.

    Args:
        registry: where it is.
        digest: of the manifest.
        policy: what is demanded.

    Raises:
        SourceError: reason `Unverified` where too few signed it; `SourceUnavailable` where that cannot be seen now.
    """
    number = 0
    votes = KeylessVotes(policy.keyless) if policy.keyless is not None else _KeyVotes(policy.keys)
    for statement in _statements(registry, digest):
        number += 1
        votes.add(statement, digest)
        if votes.count >= policy.minimum:
            return votes.names
    signatures = f"{number} signature{'s' if number != 1 else ''}" if number else "no signature"
    by = f", {votes.text(policy.minimum)}" if number else ""
    text = f"{registry.reference}@{digest[:19]}… has {signatures} that cosign would read{by}"
    raise SourceError(text, reason="Unverified", digest=digest, signatures=number)


def _statements(registry: Registry, digest: str) -> Iterator[Statement]:
    """The signatures of every form, those that can be read."""
    listed = referrers(registry, digest, artifact_types=(BUNDLE, ATTACHED))
    # Attestations go last.
    likely = sorted(listed, key=lambda each: each.artifact_type != ATTACHED and each.annotations.get(_ABOUT) != PREDICATE)
    attached = [each.digest for each in likely]
    tagged = manifest.resolve(registry, f"{digest.replace(':', '-')}.sig")
    layers = [layer for each in [*attached[:_MOST], *([tagged] if tagged else [])] for layer in _layers(registry, each)]
    for layer in layers[:_MOST]:
        try:
            data = blob.fetch(registry, layer, longest=LONGEST)
            yield bundle(data) if layer.media_type == BUNDLE else simple_signing(data, layer.annotations)
        except NoStatement:
            continue
        except SourceError as error:
            if error.reason not in _DAMAGED:
                raise


def _layers(registry: Registry, digest: str) -> tuple[Descriptor, ...]:
    """The signatures that a manifest holds; none where it is damaged."""
    try:
        layers = manifest.fetch(registry, digest).layers
    except SourceError as error:
        if error.reason not in _DAMAGED:
            raise
        return ()
    return tuple(layer for layer in layers if layer.media_type in (BUNDLE, SIMPLE_SIGNING))
