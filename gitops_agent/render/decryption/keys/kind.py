"""The interface of a kind of data key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gitops_agent.render.decryption.metadata import KeySlot


class Account(Protocol):
    """A ServiceAccount; its text names it."""

    def annotations(self) -> Mapping[str, str]:
        """Those of the live object.

        Raises:
            AgentError: it cannot be read.
        """

    def token(self, audience: str) -> str:
        """A token for one audience, valid for some minutes.

        Raises:
            AgentError: there is none.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMaterial:
    """Keys as a user gives them.

    Attributes:
        source: where they are from, for messages: `the Secret sops-keys`.
        data: file names and contents, as the Secret holds them.
        endpoints: addresses of services that may be asked, and roles of AWS that files may name.
        account: a ServiceAccount whose tokens clouds accept in place of credentials.
    """

    source: str
    data: Mapping[str, bytes] = field(repr=False)
    endpoints: tuple[str, ...] = ()
    account: Account | None = None


NO_KEYS = KeyMaterial(source="spec.render.decryption, which names no Secret", data={})


class Refused(Exception):
    """A slot that cannot be opened; the text continues its label."""


class SlotOpener(Protocol):
    """Opens the slots of one kind."""

    def open(self, slot: KeySlot) -> bytes | None:
        """The data key; None when no key is for this slot.

        Raises:
            Refused: it cannot be opened, for a reason that a person can change.
            KeyUnavailable: it cannot be opened now.
        """


class KeyKind(Protocol):
    """One kind of encrypted data keys."""

    @property
    def name(self) -> str:
        """The name of its list in the metadata."""

    @property
    def noun(self) -> str:
        """What its slots are called, for messages: `age recipient`."""

    def label(self, slot: KeySlot) -> str:
        """The public name of a slot."""

    def opener(self, material: KeyMaterial) -> SlotOpener:
        """Reads the keys of the material that are of this kind.

        Raises:
            DecryptionFailed: a key of the material cannot be read.
        """
