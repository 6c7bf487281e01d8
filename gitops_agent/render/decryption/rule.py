"""Selects the encrypted values of a file by their names.

A regular expression comes out of the repository and is written for Go's engine, which needs linear time. So only expressions
are taken that mean the same to Python's engine and cannot take it long.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.render.decryption.errors import DecryptionFailed

DEFAULT_SUFFIX = "_unencrypted"
_RULES = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
_LONGEST = 512
_LONGEST_NAME = 256
_MOST_REPEATS = 3
_FOREIGN = re.compile(r"\(\?(?![:iP])|\(\?P[^<]|\(\?i[^)]|\\[1-9pPQEzZCGK]|\[\[:|\)[*+{]|[*+?}][+]")
"""What Go's engine reads in another way, and repeated groups, which may take for ever."""
_REPEAT = re.compile(r"(?<!\\)[*+]|\{[0-9]+,[0-9]*\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One of the four rules of sops.

    Attributes:
        kind: its name in the file.
        text: a suffix or a regular expression.
    """

    kind: str
    text: str
    file: str
    _known: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def encrypts(self, path: tuple[str, ...]) -> bool:
        """Whether the value at a path is encrypted."""
        named = any(self._matches(name) for name in path)
        return named if self.kind.startswith("encrypted") else not named

    def _matches(self, name: str) -> bool:
        if self.kind.endswith("suffix"):
            return name.endswith(self.text)
        if name not in self._known:
            if len(name) > _LONGEST_NAME or "\n" in name:
                raise DecryptionFailed(self.file, f"has a key of more than {_LONGEST_NAME} characters or of several lines")
            self._known[name] = re.search(self.text, name, re.ASCII) is not None
        return self._known[name]


def rule_of(block: Mapping[str, Any], *, file: str) -> Rule:
    """The rule of a `sops` mapping.

    Raises:
        DecryptionFailed: there are several, or its expression cannot be used.
    """
    rules = [Rule(kind, block[kind], file) for kind in _RULES if isinstance(block.get(kind), str) and block[kind]]
    if len(rules) > 1:
        raise DecryptionFailed(file, f"has several rules ({', '.join(rule.kind for rule in rules)}) of which sops allows one")
    rule = rules[0] if rules else Rule("unencrypted_suffix", DEFAULT_SUFFIX, file)
    if rule.kind.endswith("regex"):
        _check(rule)
    return rule


def _check(rule: Rule) -> None:
    text = rule.text
    long = len(text) > _LONGEST or len(_REPEAT.findall(text)) > _MOST_REPEATS
    problem = "uses more than is supported" if long or _FOREIGN.search(text) else ""
    if not problem:
        try:
            re.compile(text, re.ASCII)
        except (re.error, RecursionError, OverflowError):
            problem = "is no regular expression"
    if problem:
        raise DecryptionFailed(rule.file, f"has an expression in sops.{rule.kind} that {problem}: use names joined by |")
