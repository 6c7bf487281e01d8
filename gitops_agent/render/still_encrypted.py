"""Finds objects whose values are ciphertext.

A Secret that was not decrypted starts no program, and shows as a failed login hours later. So it is refused before anything is
applied, unless the object says that it is to stay encrypted, or a controller decrypts its kind.
"""

from __future__ import annotations

import base64
import binascii

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.leaves import begins_somewhere, dotted, leaves
from gitops_agent.render.decryption.cipher import is_ciphertext
from gitops_agent.render.decryption.decryptor import is_encrypted, stays_encrypted

_SIGN = "ENC[AES256_GCM,"
_ENCODED = base64.b64encode(_SIGN.encode()).decode()


def ciphertext(obj: Object) -> str:
    """Where an object holds ciphertext; empty if nowhere or by design."""
    if not _may_hold(obj) or stays_encrypted(obj):
        return ""
    block = obj.get("sops")
    if isinstance(block, dict) and ("mac" in block or "lastmodified" in block):
        return "sops"
    for steps, value in leaves(obj):
        if isinstance(value, str) and (is_ciphertext(value) or (steps[0] == "data" and _holds(value, obj))):
            return dotted(steps)
    return ""


def _may_hold(obj: Object) -> bool:
    """One cheap pass over an object."""
    return "sops" in obj or obj.get("kind") == "Secret" or begins_somewhere(obj, _SIGN)


def _holds(value: str, obj: Object) -> bool:
    """Whether a Secret's value is ciphertext or an encrypted file."""
    if obj.get("kind") != "Secret":
        return False
    if value.startswith(_ENCODED):
        return True
    try:
        return is_encrypted(base64.b64decode(value))
    except (binascii.Error, ValueError):
        return False
