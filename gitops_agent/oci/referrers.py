"""What is attached to a manifest, such as signatures.

Registries of the second version of the specification list it; for others there is an index at a tag that is made of the digest.
"""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus

from gitops_agent.errors import SourceError
from gitops_agent.oci import manifest
from gitops_agent.oci.manifest import OCI_INDEX, Descriptor
from gitops_agent.oci.registry import Registry

_LONGEST = 4 * 1024 * 1024


def referrers(registry: Registry, digest: str, *, artifact_types: Collection[str]) -> tuple[Descriptor, ...]:
    """The manifests of some types that are attached to a digest.

    Raises:
        SourceError: the registry does not say.
    """
    attached = [each for each in _listed(registry, digest) if each.artifact_type in (*artifact_types, "")]
    if not attached:
        tagged = manifest.resolve(registry, digest.replace(":", "-"))
        listed = manifest.fetch(registry, tagged).manifests if tagged is not None else ()
        attached = [each for each in listed if each.artifact_type in (*artifact_types, "")]
    return tuple(attached)


def _listed(registry: Registry, digest: str) -> tuple[Descriptor, ...]:
    """The answer of the API; nothing where the registry has none."""
    answer = registry.get(f"referrers/{digest}", accept=(OCI_INDEX,), longest=_LONGEST)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == HTTPStatus.NOT_FOUND or kind != OCI_INDEX:
        return ()
    if not answer.complete:
        text = f"{registry.reference}: the list of referrers arrived torn or is too large"
        raise SourceError(text, reason="SourceUnavailable", transient=True, failure="torn")
    return manifest.listing(answer.body, reference=registry.reference).manifests
