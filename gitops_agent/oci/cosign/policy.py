"""Whether enough of the trusted keys signed an artifact.

A signature counts when a trusted key made it over bytes that name the digest. What cannot be read counts for nothing; what
cannot be fetched is an error that may pass; and there is no answer that means success without a key that matched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gitops_agent.errors import SourceError
from gitops_agent.oci import blob, manifest
from gitops_agent.oci.cosign.keys import SignerKey
from gitops_agent.oci.cosign.statement import (
    ATTACHED,
    BUNDLE,
    LONGEST,
    PREDICATE,
    SIGNATURE,
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
    """The trusted keys, and how many of them have to sign.

    Raises:
        SourceError: reason `InvalidSpec`: it could never be met, or always.
    """

    keys: tuple[SignerKey, ...]
    minimum: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.minimum <= len(self.keys):
            text = f"verify.cosign asks for {self.minimum} signatures by {len(self.keys)} keys"
            raise SourceError(text, reason="InvalidSpec")


def verify(registry: Registry, digest: str, policy: CosignPolicy) -> frozenset[str]:
    """The names of the keys that signed a manifest, enough of them.

    Args:
        registry: where it is.
        digest: of the manifest.
        policy: what is demanded.

    Raises:
        SourceError: reason `Unverified` where too few signed it; `SourceUnavailable` where that cannot be seen now.
    """
    count, signers = 0, set[str]()
    for statement in _statements(registry, digest):
        count += 1
        if digest in statement.digests:
            signers.update(
                key.name for key in policy.keys if any(key.signed(statement.signed, one) for one in statement.signatures)
            )
        if len(signers) >= policy.minimum:
            return frozenset(signers)
    number = f"{count} signature{'s' if count != 1 else ''}" if count else "no signature"
    keys = f"the {len(policy.keys)} trusted keys" if len(policy.keys) > 1 else "the trusted key"
    by = f", by {len(signers)} of {keys}, and {policy.minimum} {'is' if policy.minimum == 1 else 'are'} needed" if count else ""
    text = f"{registry.reference}@{digest[:19]}… has {number} that cosign would read{by}"
    raise SourceError(text, reason="Unverified", digest=digest, signatures=count)


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
            yield bundle(data) if layer.media_type == BUNDLE else simple_signing(data, layer.annotations.get(SIGNATURE, ""))
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
