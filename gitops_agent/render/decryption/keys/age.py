"""Data keys encrypted with age: X25519 and SSH identities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from gitops_agent.render.decryption.metadata import KeySlot

if TYPE_CHECKING:
    from pyrage import ssh, x25519

SUFFIX = ".agekey"
_POST_QUANTUM = "AGE-SECRET-KEY-PQ-"
_NATIVE = "AGE-SECRET-KEY-1"
_SSH = "-----BEGIN"


class Age:
    """Recipients of `age`; identities are in keys that end with `.agekey`."""

    name = "age"
    noun = "age recipient"

    def label(self, slot: KeySlot) -> str:
        """The recipient, shortened."""
        recipient = slot.text("recipient")
        return f"{recipient[:9]}…" if recipient.startswith("age1") else recipient[:40]

    def opener(self, material: KeyMaterial) -> AgeOpener:
        """Reads every identity of the material."""
        identities: list[ssh.Identity | x25519.Identity] = []
        for name, data in sorted(material.data.items()):
            if name.endswith(SUFFIX):
                identities += _identities(name, data)
        return AgeOpener(identities)


class AgeOpener:
    """Tries all identities at once.

    Args:
        identities: private keys.
    """

    def __init__(self, identities: list[ssh.Identity | x25519.Identity]) -> None:
        self._identities = identities

    def open(self, slot: KeySlot) -> bytes | None:
        """See `SlotOpener.open`."""
        if not self._identities:
            return None
        import pyrage

        try:
            return bytes(pyrage.decrypt(slot.enc.encode(), self._identities))
        except pyrage.DecryptError:
            return None


def _identities(name: str, data: bytes) -> list[ssh.Identity | x25519.Identity]:
    """The identities of one key of the Secret.

    Raises:
        DecryptionFailed: a line is none.
    """
    from pyrage import IdentityError, ssh, x25519

    text = data.decode("utf-8", "replace")
    try:
        if text.lstrip().startswith(_SSH):
            return [ssh.Identity.from_buffer(data)]
        lines = [line.strip() for line in text.splitlines()]
        if any(line.startswith(_POST_QUANTUM) for line in lines):
            raise DecryptionFailed("", f"{name} is a post-quantum identity; this agent reads X25519 and SSH identities")
        return [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (IdentityError, ValueError):
        text = f"{name} is no age identity: a line begins with {_NATIVE} or #, or the whole is an SSH key without a passphrase"
        raise DecryptionFailed("", text) from None
