"""What is attached to a manifest: signatures, and whatever else names it as its subject.

Registries of the second version of the specification list it; for others there is an index at a tag that is made of the digest.
"""

from __future__ import annotations

from http import HTTPStatus

from gitops_agent.errors import SourceError
from gitops_agent.oci import manifest
from gitops_agent.oci.manifest import OCI_INDEX, Descriptor, Manifest
from gitops_agent.oci.registry import Registry

_LONGEST = 4 * 1024 * 1024


def referrers(registry: Registry, digest: str, *, artifact_type: str) -> tuple[Descriptor, ...]:
    """The manifests of a type that are attached to a digest.

    Raises:
        SourceError: the registry does not say.
    """
    listed = _listed(registry, digest)
    if listed is None:
        tagged = manifest.resolve(registry, digest.replace(":", "-"))
        listed = manifest.fetch(registry, tagged) if tagged is not None else None
    attached = listed.manifests if listed is not None else ()
    return tuple(each for each in attached if each.artifact_type in (artifact_type, ""))


def _listed(registry: Registry, digest: str) -> Manifest | None:
    """The answer of the API; None where the registry has none."""
    answer = registry.get(f"referrers/{digest}", accept=(OCI_INDEX,), longest=_LONGEST)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == HTTPStatus.NOT_FOUND or kind != OCI_INDEX:
        return None
    if not answer.complete:
        text = f"{registry.reference}: the list of referrers arrived torn or is too large"
        raise SourceError(text, reason="SourceUnavailable", transient=True, failure="torn")
    return manifest.listing(answer.body, reference=registry.reference)
