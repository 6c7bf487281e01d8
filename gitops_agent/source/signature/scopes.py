"""What single keys may change, from `scopes.yaml` in a Secret.

A bot that writes image tags needs a key; its key needs no more than those files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from gitops_agent.errors import AgentError
from gitops_agent.manifest.yaml import load_all

_KEY = re.compile(r"SHA256:[A-Za-z0-9+/]{43}|[0-9A-F]{40}|[0-9A-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """Patterns of paths by fingerprint.

    A key without a row may change everything.
    """

    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, data: bytes) -> Scopes:
        """The scopes of a file.

        Raises:
            ValueError: it is not a list of `{key, paths}`.
        """
        try:
            documents = [document for document in load_all(data) if document is not None]
        except AgentError as error:
            raise ValueError(f"is not YAML: {error}") from error
        rows = documents[0] if len(documents) == 1 else None
        if not isinstance(rows, list):
            raise ValueError("is not a list of {key, paths}")  # noqa: TRY004 - one error for all that is wrong
        paths: dict[str, tuple[str, ...]] = {}
        for number, row in enumerate(rows, 1):
            whole = isinstance(row, dict) and set(row) == {"key", "paths"}
            key, patterns = (row["key"], row["paths"]) if whole else (None, None)
            if (
                not isinstance(key, str)
                or not isinstance(patterns, list)
                or not all(isinstance(each, str) for each in patterns)
            ):
                raise ValueError(f"row {number} is not {{key: FINGERPRINT, paths: [PATTERN]}}")
            if not _KEY.fullmatch(key):
                raise ValueError(
                    f"row {number}: {key[:80]} is not a whole fingerprint (SHA256:… of SSH, or 40 digits in capitals)"
                )
            paths[key] = (*paths.get(key, ()), *patterns)
        return cls(paths=paths)

    def flaw(self, key: str, changed: Callable[[], tuple[str, ...]]) -> str:
        """Why a key may not change these paths; empty when it may."""
        patterns = self.paths.get(key)
        if patterns is None:
            return ""
        allowed = re.compile("|".join(_expression(pattern) for pattern in patterns) or r"(?!)")
        other = next((path for path in changed() if not allowed.fullmatch(path)), None)
        return "" if other is None else f"is signed by {key}, which scopes.yaml does not allow to change {other[:200]}"


def _expression(pattern: str) -> str:
    """`*` within a name, `**` for any directories."""
    parts = re.split(r"(\*\*/?|\*|\?)", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "(?:" + "".join(words.get(part, re.escape(part)) for part in parts) + ")"
