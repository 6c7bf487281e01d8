"""Finds the code in Helm templates, in one pass over the text.

Problem: templates come from a repository, and a pattern that tries again at every opening brace or quote that nothing closes
needs quadratic time, in which no other thread of the agent runs. Decision: read them as Go's own lexer does: comments, strings
and raw strings are skipped, and what nothing closes ends the scan, because Helm refuses such a template anyway.
"""

from __future__ import annotations

import re

_OPENING = "{{"
_TOKEN = re.compile(r'\}\}|/\*|["`]')
_STRING = re.compile(r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"')
_CLOSING = {"/*": "*/", "`": "`"}


def code_of(text: str) -> str:
    """The text of all actions, without comments and strings, joined by blanks."""
    parts: list[str] = []
    position = text.find(_OPENING)
    while position >= 0:
        position = _action(text, position + len(_OPENING), parts)
        position = text.find(_OPENING, position) if position >= 0 else -1
    return " ".join(parts)


def _action(text: str, start: int, parts: list[str]) -> int:
    """Adds the code of one action; returns its end, -1 when unclosed."""
    while (token := _TOKEN.search(text, start)) is not None:
        parts.append(text[start : token.start()])
        if token[0] == "}}":
            return token.end()
        if token[0] == '"':
            string = _STRING.match(text, token.start())
            start = string.end() if string else -1
        else:
            closing = _CLOSING[token[0]]
            end = text.find(closing, token.end())
            start = end + len(closing) if end >= 0 else -1
        if start < 0:
            return -1
    return -1
