"""The keys of one Application, and what they open.

A file names its recipients; the first that opens wins. Why none did is said with all of them, because mostly the file was
encrypted for another cluster.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitops_agent.render.decryption.errors import DecryptionFailed, KeyUnavailable
from gitops_agent.render.decryption.keys.kind import KeyKind, KeyMaterial, Refused, SlotOpener
from gitops_agent.render.decryption.keys.table import KEY_KINDS
from gitops_agent.render.decryption.metadata import KeySlot

_KEY_BYTES = 32
_SHOWN = 5


class Keyring:
    """Opens data keys with what a user gave; for one thread.

    Args:
        material: the keys.
        kinds: of keys that are read.

    Raises:
        DecryptionFailed: a key cannot be read.
    """

    def __init__(self, material: KeyMaterial, *, kinds: Sequence[KeyKind] = KEY_KINDS) -> None:
        self._source = material.source
        self._openers: dict[str, tuple[KeyKind, SlotOpener]] = {kind.name: (kind, kind.opener(material)) for kind in kinds}

    def data_key(self, slots: Sequence[KeySlot], *, file: str) -> bytes:
        """See `DataKeys.data_key`."""
        refusals: list[str] = []
        unavailable: KeyUnavailable | None = None
        for slot in slots:
            kind, opener = self._openers.get(slot.kind, (None, None))
            if kind is None or opener is None:
                continue
            try:
                key = opener.open(slot)
            except Refused as problem:
                refusals.append(f"its {kind.noun} {kind.label(slot)} {problem}")
                continue
            except KeyUnavailable as problem:
                unavailable = problem
                continue
            if key is not None and len(key) == _KEY_BYTES:
                return key
            if key is not None:
                refusals.append(f"its {kind.noun} {kind.label(slot)} holds no data key of {_KEY_BYTES} bytes")
        if unavailable is not None:
            raise KeyUnavailable(f"{file}: {unavailable.message}", file=file)
        raise DecryptionFailed(file, f"cannot be decrypted: {'; '.join(refusals) or self._strange(slots)}")

    def _strange(self, slots: Sequence[KeySlot]) -> str:
        """That no key is for this file."""
        labels: list[str] = []
        unread: list[str] = []
        for slot in slots:
            kind, _ = self._openers.get(slot.kind, (None, None))
            (labels if kind is not None else unread).append(f"{kind.noun} {kind.label(slot)}" if kind else slot.kind)
        shown = ", ".join(labels[:_SHOWN]) + (f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else "")
        words = [f"none of its keys ({shown}) is in {self._source}"] if labels else []
        words += [f"keys of the kind {', '.join(sorted(set(unread)))} are not supported"] if unread else []
        return "; ".join(words)
