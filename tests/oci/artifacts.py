"""Manifests and blobs, as registries store them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
EMPTY = b"{}"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


@dataclass
class Artifact:
    """A manifest with its blobs.

    Attributes:
        manifest: its bytes.
        media_type: of the manifest.
        blobs: what it names.
    """

    manifest: bytes
    media_type: str = MANIFEST
    blobs: list[bytes] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def descriptor(self) -> dict[str, Any]:
        return descriptor(self.manifest, self.media_type)


def artifact(
    *layers: tuple[bytes, str] | tuple[bytes, str, dict[str, str]],
    config: bytes = EMPTY,
    config_type: str = "application/vnd.oci.empty.v1+json",
    **fields: Any,
) -> Artifact:
    """A manifest over layers of (content, media type[, annotations])."""
    parts = [descriptor(layer[0], layer[1], **({"annotations": layer[2]} if len(layer) > 2 else {})) for layer in layers]
    value = {"schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, config_type), "layers": parts, **fields}
    return Artifact(json.dumps(value).encode(), blobs=[config, *(layer[0] for layer in layers)])


def index(*manifests: dict[str, Any], **fields: Any) -> Artifact:
    value = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests), **fields}
    return Artifact(json.dumps(value).encode(), media_type=INDEX)
