"""Manifests and indexes of registries.

The digest says that the bytes are the right ones, not how they are meant: the same bytes read as another kind of manifest name
other contents. So the kind in the text, the kind in the header and the fields that are there have to agree, each key occurs
once, and whatever leads out of the registry (`urls`, foreign layers) is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.oci.reference import Reference, check_tag, is_digest
from gitops_agent.oci.registry import Registry

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_MANIFESTS = frozenset({OCI_MANIFEST, _DOCKER_MANIFEST})
_INDEXES = frozenset({OCI_INDEX, _DOCKER_INDEX})
ACCEPTED = (OCI_MANIFEST, OCI_INDEX, _DOCKER_MANIFEST, _DOCKER_INDEX)

_LONGEST = 4 * 1024 * 1024
_LIMITS = YamlLimits(bytes=_LONGEST, documents=2, depth=20, nodes=50_000)
_MOST_LAYERS = 1000
_SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a manifest says about a blob or another manifest.

    Attributes:
        media_type: what it is.
        digest: `sha256:…`.
        size: in bytes.
        artifact_type: of a manifest, what it is about.
        annotations: texts.
    """

    media_type: str
    digest: str
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest, or an index of manifests.

    Attributes:
        digest: of its bytes.
        media_type: of the manifest itself.
        artifact_type: what it is about; that of the configuration where it says none.
        config: of a manifest; None for an index.
        layers: of a manifest.
        manifests: of an index.
        subject: the digest of what it is attached to; empty for none.
        annotations: texts.
    """

    digest: str
    media_type: str
    artifact_type: str = ""
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    subject: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def resolve(registry: Registry, tag: str) -> str | None:
    """The digest a tag leads to now; None without such a tag.

    Raises:
        SourceError: the registry does not say.
    """
    path = f"manifests/{check_tag(tag)}"
    answer = registry.get(path, accept=ACCEPTED, method="HEAD")
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    digest = answer.headers.get("docker-content-digest", "")
    if is_digest(digest):
        return digest
    answer = registry.get(path, accept=ACCEPTED, longest=_LONGEST)
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    return f"sha256:{hashlib.sha256(_whole(registry.reference, answer.body, complete=answer.complete)).hexdigest()}"


def fetch(registry: Registry, digest: str) -> Manifest:
    """The manifest with a digest.

    Raises:
        SourceError: reason `RevisionNotFound` where it is not there, `BlobDamaged` where it is another one or contradicts
            itself.
    """
    answer = registry.get(f"manifests/{_digest(registry.reference, digest)}", accept=ACCEPTED, longest=_LONGEST)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise SourceError(f"{registry.reference}: there is no manifest {digest[:19]}…", reason="RevisionNotFound")
    body = _whole(registry.reference, answer.body, complete=answer.complete)
    return parse(body, digest=digest, content_type=answer.headers.get("content-type", ""), reference=registry.reference)


def listing(body: bytes, *, reference: Reference) -> Manifest:
    """Reads an index that the registry makes up, which has no digest.

    Raises:
        SourceError: reason `BlobDamaged`.
    """
    value = _json(body, reference)
    if value.get("mediaType", OCI_INDEX) != OCI_INDEX:
        raise _damaged(reference, "the list of referrers is no index")
    return Manifest(digest="", media_type=OCI_INDEX, manifests=_descriptors(value.get("manifests") or [], reference))


def parse(body: bytes, *, digest: str, content_type: str, reference: Reference) -> Manifest:
    """Reads the manifest with a digest.

    Raises:
        SourceError: reason `BlobDamaged`.
    """
    actual = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if actual != digest:
        raise _damaged(reference, f"manifest {digest[:19]}… arrived as {actual[:19]}…")
    value = _json(body, reference)
    media_type = content_type.partition(";")[0].strip().lower()
    stated = value.get("mediaType", media_type)
    if value.get("schemaVersion") != _SCHEMA or media_type not in ACCEPTED:
        raise _damaged(reference, f"manifest {digest[:19]}… is of a kind that is not read: {media_type[:80] or 'none'}")
    fields = {"layers", "config"} if media_type in _MANIFESTS else {"manifests"}
    others = {"manifests", "fsLayers"} if media_type in _MANIFESTS else {"layers", "config", "fsLayers"}
    if stated != media_type or not fields <= value.keys() or others & value.keys():
        raise _damaged(
            reference, f"manifest {digest[:19]}… contradicts itself: it is sent as {media_type}, and is another kind"
        )
    config = _descriptor(value["config"], reference) if media_type in _MANIFESTS else None
    artifact_type = value.get("artifactType")
    subject = value.get("subject")
    return Manifest(
        digest=digest,
        media_type=media_type,
        artifact_type=artifact_type if isinstance(artifact_type, str) else config.media_type if config else "",
        config=config,
        layers=_descriptors(value.get("layers", []), reference),
        manifests=_descriptors(value.get("manifests", []), reference),
        subject=_descriptor(subject, reference).digest if subject is not None else "",
        annotations=_annotations(value.get("annotations"), reference),
    )


def _json(body: bytes, reference: Reference) -> Mapping[str, Any]:
    try:
        documents = read_json(body, file="manifest", limits=_LIMITS).documents
    except RenderError as error:
        raise _damaged(reference, error.message) from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise _damaged(reference, "a manifest is not one mapping")
    return documents[0].value


def _descriptors(values: Any, reference: Reference) -> tuple[Descriptor, ...]:
    if not isinstance(values, list) or len(values) > _MOST_LAYERS:
        raise _damaged(reference, f"a manifest has no list of at most {_MOST_LAYERS} parts")
    return tuple(_descriptor(value, reference) for value in values)


def _descriptor(value: Any, reference: Reference) -> Descriptor:
    fields = value if isinstance(value, dict) else {}
    media_type, digest, size = fields.get("mediaType"), fields.get("digest"), fields.get("size")
    if not (
        isinstance(media_type, str) and isinstance(digest, str) and is_digest(digest) and isinstance(size, int) and size >= 0
    ):
        raise _damaged(reference, "a part of the manifest has no media type, sha256 digest and size")
    if fields.get("urls") or "foreign" in media_type or "nondistributable" in media_type:
        raise _damaged(reference, f"a part of the manifest ({media_type[:80]}) lies outside the registry, which is refused")
    artifact_type = fields.get("artifactType")
    return Descriptor(
        media_type=media_type,
        digest=digest,
        size=size,
        artifact_type=artifact_type if isinstance(artifact_type, str) else "",
        annotations=_annotations(fields.get("annotations"), reference),
    )


def _annotations(value: Any, reference: Reference) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise _damaged(reference, "the annotations of a manifest are not texts")
    return value


def _digest(reference: Reference, digest: str) -> str:
    if not is_digest(digest):
        raise _damaged(reference, f"{digest[:80]!r} is no sha256 digest")
    return digest


def _whole(reference: Reference, body: bytes, *, complete: bool) -> bytes:
    if complete:
        return body
    if len(body) >= _LONGEST:
        raise _damaged(reference, f"a manifest is larger than {_LONGEST // 1024 // 1024} MiB")
    raise SourceError(f"{reference}: a manifest arrived torn", reason="SourceUnavailable", transient=True, failure="torn")


def _damaged(reference: Reference, text: str) -> SourceError:
    return SourceError(f"{reference}: {text}", reason="BlobDamaged")
