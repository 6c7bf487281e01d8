"""Decrypts the values of a file, and proves that none was changed.

The MAC of a file is a hash over all its values in order, encrypted with the data key. It covers neither keys nor structure: a
value cannot be changed, added or taken away, but a plain field can be renamed, which is why secret values are looked for after
the render as well. Both hashes say something about the plaintext, so no message holds either.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gitops_agent.render.decryption.cipher import COMMENT, Comment, Leaf, open_value
from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.metadata import Metadata

_ENCRYPTED_ONLY = hashlib.sha256(b"sops").digest()
"""What the hash begins with where only encrypted values are part of it."""
_DEPTH = 64
_LEAVES = 100_000

Secret = tuple[str, Leaf]
"""The place of a value, such as `/stringData/password`, and the value."""


@dataclass(slots=True)
class _Walk:
    """One pass over the documents of a file."""

    file: str
    metadata: Metadata
    key: bytes
    hash: Any = field(default_factory=hashlib.sha512)
    secrets: list[Secret] = field(default_factory=list)
    leaves: int = 0

    def value(self, value: Any, path: tuple[str, ...], pointer: str) -> Any:
        if isinstance(value, dict):
            self._check_depth(pointer)
            pairs = {name: self.value(below, (*path, name), f"{pointer}/{name}") for name, below in value.items()}
            return {name: below for name, below in pairs.items() if below is not COMMENT}
        if isinstance(value, list):
            self._check_depth(pointer)
            items = [self.value(below, path, f"{pointer}/{index}") for index, below in enumerate(value)]
            return [item for item in items if item is not COMMENT]
        if value is None:
            return None
        self.leaves += 1
        if self.leaves > _LEAVES:
            raise DecryptionFailed(self.file, f"holds more than {_LEAVES} values")
        return self._leaf(value, path, pointer)

    def _leaf(self, value: Leaf, path: tuple[str, ...], pointer: str) -> Leaf | Comment:
        encrypted = self.metadata.rule.encrypts(path)
        if encrypted:
            if not isinstance(value, str):
                raise DecryptionFailed(self.file, f"{pointer} is not encrypted, although the rules of the file say so")
            try:
                plain = open_value(value, self.key, ":".join(path) + ":")
            except ValueError as error:
                raise DecryptionFailed(self.file, f"{pointer} {error}: edit the file with sops") from None
            if isinstance(plain, Comment):
                return plain
            value = plain
            self.secrets.append((pointer, value))
        if encrypted or not self.metadata.mac_only_encrypted:
            self.hash.update(as_bytes(value))
        return value

    def _check_depth(self, pointer: str) -> None:
        if pointer.count("/") > _DEPTH:
            raise DecryptionFailed(self.file, f"is nested more than {_DEPTH} levels deep")


def opened(documents: Sequence[Any], metadata: Metadata, key: bytes, *, file: str) -> tuple[list[Any], list[Secret]]:
    """The documents with their values decrypted, and those values.

    Args:
        documents: of one MAC, without their `sops` mappings.
        metadata: what that mapping says.
        key: the data key.
        file: for errors.

    Raises:
        DecryptionFailed: a value or the MAC does not fit.
    """
    walk = _Walk(file=file, metadata=metadata, key=key)
    if metadata.mac_only_encrypted:
        walk.hash.update(_ENCRYPTED_ONLY)
    result = [walk.value(document, (), "") for document in documents]
    changed = "was changed after it was encrypted (its MAC does not fit): edit it with sops, not with an editor"
    if not metadata.mac:
        raise DecryptionFailed(file, "has no MAC, so nothing shows whether it was changed: encrypt it anew with sops")
    try:
        stored = open_value(metadata.mac, key, metadata.last_modified)
    except ValueError:
        raise DecryptionFailed(file, changed) from None
    if not isinstance(stored, str) or not hmac.compare_digest(stored.upper().encode(), walk.hash.hexdigest().upper().encode()):
        raise DecryptionFailed(file, changed)
    return result, walk.secrets


def as_bytes(value: Leaf) -> bytes:
    """What the hash is made of, for one value."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float):
        return _fixed(value).encode()
    return str(value).encode("utf-8", "surrogateescape")


def _fixed(value: float) -> str:
    """The shortest decimal that reads back, without exponent."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
