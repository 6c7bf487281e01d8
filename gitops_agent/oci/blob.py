"""Blobs of a registry, with the announced size and digest."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from gitops_agent.errors import SourceError
from gitops_agent.oci.manifest import Descriptor
from gitops_agent.oci.registry import Registry

LONGEST = 64 * 1024 * 1024
"""Bytes of any blob."""
_SHORT = 19


def fetch(registry: Registry, blob: Descriptor, *, longest: int = LONGEST) -> bytes:
    """The content of a blob, cut off where it is longer.

    Args:
        registry: where it is.
        blob: what the manifest says about it.
        longest: bytes it may have.

    Raises:
        SourceError: reason `BlobDamaged` where it is another one or too large, `RevisionNotFound` where it is not there,
            `SourceUnavailable` where it arrives torn.
    """
    name = f"{registry.reference}: blob {blob.digest[:_SHORT]}…"
    if blob.size > longest:
        raise SourceError(f"{name} has {blob.size} bytes, at most {longest} are read", reason="BlobDamaged")
    answer = registry.get(f"blobs/{blob.digest}", longest=blob.size, redirects=True)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise SourceError(f"{name} is not there", reason="RevisionNotFound")
    if not answer.complete and len(answer.body) < blob.size:
        raise SourceError(f"{name} arrived torn", reason="SourceUnavailable", transient=True, failure="torn")
    if not answer.complete:
        raise SourceError(f"{name} is longer than the {blob.size} bytes its manifest says", reason="BlobDamaged")
    actual = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    if actual != blob.digest:
        text = f"{name} arrived as {actual[:_SHORT]}… ({len(answer.body)} of {blob.size} bytes)"
        raise SourceError(text, reason="BlobDamaged")
    return answer.body
