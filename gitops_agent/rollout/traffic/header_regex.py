"""Header matches as anchored regular expressions for RE2 and PCRE."""

from __future__ import annotations

import re

from gitops_agent.rollout.traffic.router import Match, MatchMode

_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def literal(text: str) -> str:
    """The pattern of a literal text."""
    return _SPECIAL.sub(r"\\\1", text)


def value_pattern(match: Match) -> str:
    """The pattern of the value, not anchored."""
    return {
        MatchMode.EXACT: literal(match.value),
        MatchMode.PREFIX: literal(match.value) + ".*",
        MatchMode.REGEX: f"(?:{match.value})",
    }[match.mode]


def header_pattern(match: Match) -> str:
    """The pattern of a whole header."""
    return f"^{value_pattern(match)}$"


def cookie_pattern(match: Match) -> str:
    """The pattern of a Cookie header that holds a cookie."""
    value = literal(match.value) + "[^;]*" if match.mode is MatchMode.PREFIX else value_pattern(match)
    return rf"^(.*;\s*)?{literal(match.name)}={value}(\s*;.*)?$"
