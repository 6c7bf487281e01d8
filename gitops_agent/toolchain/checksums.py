"""Reading the digests publishers serve beside their releases."""

from __future__ import annotations

import json
import re

from gitops_agent.toolchain.catalog import Checksums

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


def find_digest(text: str, spelling: Checksums, file: str) -> str | None:
    """The SHA-256 of `file` in a text, in hex, or None.

    Args:
        text: what the publisher serves.
        spelling: how it is written.
        file: the name of the released file.
    """
    if spelling is Checksums.BARE:
        word = next(iter(text.split()), "")
        return word.lower() if _DIGEST.fullmatch(word) else None
    if spelling is Checksums.LISTING:
        for line in text.splitlines():
            words = line.split()
            if len(words) == 2 and words[1].lstrip("*./") == file and _DIGEST.fullmatch(words[0]):  # noqa: PLR2004 - digest and name
                return words[0].lower()
        return None
    return _github(text, file)


def _github(text: str, file: str) -> str | None:
    try:
        assets = json.loads(text)["assets"]
        digests = [str(asset.get("digest") or "") for asset in assets if asset["name"] == file]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    digest = digests[0].removeprefix("sha256:") if digests else ""
    return digest.lower() if _DIGEST.fullmatch(digest) else None
