"""Data keys encrypted with OpenPGP.

The library is an extra, because few installations need it and it is large. Keys are read from memory: there is no agent of gpg
and no key ring on a disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.keys.kind import KeyMaterial, Refused
from gitops_agent.render.decryption.metadata import KeySlot

if TYPE_CHECKING:
    from pysequoia import Tsk

SUFFIX = ".asc"
_EXTRA = "needs the package pysequoia: install gitops-agent[pgp]"


class Pgp:
    """Recipients of `pgp`; private keys are in keys that end with `.asc`."""

    name = "pgp"
    noun = "OpenPGP key"

    def label(self, slot: KeySlot) -> str:
        """The fingerprint."""
        return slot.text("fp")[:40]

    def opener(self, material: KeyMaterial) -> PgpOpener:
        """Remembers the private keys, which are read when a file needs one."""
        return PgpOpener({name: data for name, data in sorted(material.data.items()) if name.endswith(SUFFIX)})


class PgpOpener:
    """Tries the private keys one by one.

    Args:
        keys: by their names in the Secret; without passphrases.
    """

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys
        self._parsed: list[Tsk] | None = None

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        if not self._keys:
            return None
        try:
            import pysequoia
        except ImportError:
            raise Refused(_EXTRA) from None
        if self._parsed is None:
            self._parsed = [_parsed(name, data) for name, data in self._keys.items()]
        for key in self._parsed:
            try:
                content = pysequoia.decrypt(slot.enc.encode(), decryptor=key.decryptor()).bytes
            except Exception:  # noqa: BLE001, S112 - the library has no error of its own; the key is not the one
                continue
            if content is not None:
                return bytes(content)
        return None


def _parsed(name: str, data: bytes) -> Tsk:
    """A private key.

    Raises:
        DecryptionFailed: it is none, or needs a passphrase.
    """
    from pysequoia import Tsk

    try:
        key = Tsk.from_bytes(data)
        key.decryptor()
    except Exception:  # noqa: BLE001 - the library has no error of its own
        raise DecryptionFailed("", f"{name} is no private OpenPGP key without a passphrase that can decrypt") from None
    return key
