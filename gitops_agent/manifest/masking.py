"""Masks Secrets: equal values become equal numbers.

A diff of two Secrets has to show that a value changed without showing either. Numbering the distinct values of both sides
together does that; equal values in different keys are seen to be equal, and nothing about length or content comes through.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from gitops_agent.manifest.key import Object

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's copy of the whole object, values included, as an annotation."""


class Masks:
    """Numbers for values, in the order they are met."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def mask(self, value: bytes) -> str:
        """What stands for the value: `<secret #3>`."""
        return f"<secret #{self._numbers.setdefault(value, len(self._numbers) + 1)}>"


def is_secret(obj: Object) -> bool:
    """Whether the object is a core Secret; Lists are not searched."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def masked(obj: Object, masks: Masks | None = None) -> Object:
    """The object itself, or for a Secret a copy without its values."""
    if not is_secret(obj):
        return obj
    masks = masks or Masks()
    result = dict(obj)
    for part, decode in (("data", True), ("stringData", False)):
        values = obj.get(part)
        if isinstance(values, dict):
            result[part] = {name: masks.mask(_bytes(value, decode=decode)) for name, value in sorted(values.items())}
        elif values is not None:
            result[part] = masks.mask(_bytes(values, decode=False))
    metadata = obj.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("annotations"), dict):
        annotations = metadata["annotations"]
        if LAST_APPLIED in annotations:
            hidden = masks.mask(_bytes(annotations[LAST_APPLIED], decode=False))
            result["metadata"] = {**metadata, "annotations": {**annotations, LAST_APPLIED: hidden}}
    return result


def masked_pair(old: Object, new: Object) -> tuple[Object, Object]:
    """Both objects masked with one numbering, so that changed values differ."""
    masks = Masks()
    return masked(old, masks), masked(new, masks)


def _bytes(value: Any, *, decode: bool) -> bytes:
    text = value if isinstance(value, str) else str(value)
    if decode:
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            pass
    return text.encode("utf-8", "surrogatepass")
