"""The `sops` mapping of a file: rule, MAC and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.rule import Rule, rule_of

KINDS = ("age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms")
"""Names of key lists; local ones first, then in the order sops asks them."""

_COMMENT_RULES = ("unencrypted_comment_regex", "encrypted_comment_regex")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySlot:
    """The data key, encrypted for one recipient.

    Attributes:
        kind: the name of its list.
        enc: the encrypted data key, as text.
        fields: what else is said about the recipient; values are texts, or a mapping for the context of AWS.
    """

    kind: str
    enc: str
    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A field as text; empty when absent."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file says about its encryption.

    Attributes:
        slots: recipients, any of which opens the file.
        rule: which values are encrypted.
        mac: encrypted; empty when there is none.
        last_modified: authenticated with the MAC.
        mac_only_encrypted: whether the MAC leaves plain values out.
    """

    slots: tuple[KeySlot, ...]
    rule: Rule
    mac: str
    last_modified: str
    mac_only_encrypted: bool


def metadata_of(block: Any, *, file: str) -> Metadata:
    """Reads a `sops` mapping.

    Raises:
        DecryptionFailed: it is incomplete, or uses what is not supported.
    """
    if not isinstance(block, dict):
        raise DecryptionFailed(file, "has a field sops that is no mapping")
    for name in _COMMENT_RULES:
        if block.get(name):
            raise DecryptionFailed(file, f"selects values by comments ({name}), which is not supported: use encrypted_regex")
    return Metadata(
        slots=_slots(block, file),
        rule=rule_of(block, file=file),
        mac=_text(block.get("mac")),
        last_modified=_text(block.get("lastmodified")),
        mac_only_encrypted=block.get("mac_only_encrypted") in (True, "true"),
    )


def _slots(block: Mapping[str, Any], file: str) -> tuple[KeySlot, ...]:
    slots = _of_group(block)
    groups = block.get("key_groups")
    if not slots and isinstance(groups, list):
        if len(groups) > 1:
            text = "needs keys of several groups (shamir_threshold), which is not supported: use one group"
            raise DecryptionFailed(file, text)
        slots = tuple(slot for group in groups if isinstance(group, dict) for slot in _of_group(group))
    if not slots:
        raise DecryptionFailed(file, "names no key that could decrypt it")
    return slots


def _of_group(group: Mapping[str, Any]) -> tuple[KeySlot, ...]:
    return tuple(
        KeySlot(kind=kind, enc=entry["enc"], fields=entry)
        for kind in KINDS
        for entry in (group[kind] if isinstance(group.get(kind), list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("enc"), str)
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
