"""Failures of decryption; they name the file, never a value.

They are errors of the source, because a tree raises them where a file is read.
"""

from __future__ import annotations

from gitops_agent.errors import SourceError


class DecryptionFailed(SourceError):
    """A file cannot be decrypted until it or the keys change."""

    reason = "DecryptionFailed"

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(f"{file} {problem}" if file else problem, file=file)


class KeyUnavailable(SourceError):
    """A service that holds keys gives no answer now.

    The file is fine, so nothing else is concluded from it.
    """

    reason = "KeyUnavailable"
    transient = True
