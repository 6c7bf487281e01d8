"""Splits a condition into tokens, each with its place for error messages."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from gitops_agent.errors import AgentError

TEXT_LIMIT = 1024
"""Characters of a condition; a longer one belongs in the query."""

WORD_LIMIT = 200
"""Words of a condition; with it evaluation takes few steps and little depth."""

_PATTERN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.])
    |(?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[<>!+\-*/%()\[\],.])""",
    re.VERBOSE,
)
_WORDS = {"and": "and", "or": "or", "not": "not", "&&": "and", "||": "or", "!": "not"}


class ConditionInvalid(AgentError):
    """A condition that cannot be parsed; found when the policy is read."""

    reason = "InvalidSpec"


class TokenKind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    TEXT = "text"
    NAME = "name"
    SIGN = "sign"
    END = "end"


class Token(NamedTuple):
    """One token; `place` counts characters from 0."""

    sort: TokenKind
    value: str
    place: int

    def __str__(self) -> str:
        return "the end" if self.sort is TokenKind.END else f"`{self.value}`"


def tokens(condition: str) -> tuple[Token, ...]:
    """The words of a condition, closed by one of the sort END.

    Raises:
        ConditionInvalid: it is too long or holds something that is no word.
    """
    if len(condition) > TEXT_LIMIT:
        raise ConditionInvalid(f"the condition has {len(condition)} characters, {TEXT_LIMIT} are allowed")
    result: list[Token] = []
    position = 0
    while position < len(condition):
        match = _PATTERN.match(condition, position)
        if match is None:
            raise ConditionInvalid(f"the condition {condition!r} cannot be read from character {position + 1} on")
        if (token := _token(match)) is not None:
            result.append(token)
        position = match.end()
    if len(result) > WORD_LIMIT:
        raise ConditionInvalid(f"the condition has {len(result)} words, {WORD_LIMIT} are allowed")
    return (*result, Token(TokenKind.END, "", position))


def _token(match: re.Match[str]) -> Token | None:
    value, position = match.group(), match.start()
    if match.lastgroup == "space":
        return None
    if value in _WORDS:
        return Token(TokenKind.SIGN, _WORDS[value], position)
    if match.lastgroup == "text":
        return Token(TokenKind.TEXT, value[1:-1], position)
    return Token(TokenKind(match.lastgroup or ""), value, position)
