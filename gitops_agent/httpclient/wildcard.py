"""Patterns in which `*` stands for any text."""

from __future__ import annotations

import re


def matches(pattern: str, text: str) -> bool:
    """Whether all of a text matches a pattern."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
