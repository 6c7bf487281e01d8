"""Redacts credentials in text of others, such as outputs and answers.

Secrets the agent knows are removed by name (`process.redact`); this is for the ones it does not know. It looks for the shapes
credentials come in and errs on the side of hiding: a log line that lost a harmless word is still a log line.
"""

from __future__ import annotations

import re

HIDDEN = "***"

_SHAPES = (
    # A private key, even when it is cut; first, as the next shapes would take its beginning alone.
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # A password in a URL: scheme://user:password@host.
    (re.compile(r"(?P<keep>[a-zA-Z][a-zA-Z0-9+.-]{1,20}://)[^/\s@]{1,300}@"), rf"\g<keep>{HIDDEN}@"),
    # An Authorization header or a scheme with its token.
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/_=.~-]{8,}", re.IGNORECASE), rf"\g<keep>{HIDDEN}"),
    # password=…, "token": "…", api-key: …, with any prefix (DB_PASSWORD); not the key of an object, Secret:shop/db.
    (
        re.compile(
            r"(?!(?<![\w-])(?-i:Secret:[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*+)(?![\w+/=]))"
            r"(?P<keep>(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
            r"['\"]?\s{0,3}[=:]\s{0,3})(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)",
            re.IGNORECASE,
        ),
        rf"\g<keep>{HIDDEN}",
    ),
    # Tokens that carry their issuer's prefix, JSON web tokens, AWS key ids.
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|sk-|hvs\.|npm_|AGE-SECRET-KEY-)[A-Za-z0-9_-]{8,}"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    # Secret addresses of incoming webhooks.
    (re.compile(r"(?P<keep>https://hooks\.slack\.com/)[^\s\"'<>]+"), rf"\g<keep>{HIDDEN}"),
)


_LONG = re.compile(r"[A-Za-z0-9+/_=]{20,}")


def scrub_output(text: str) -> str:
    """Like `scrub`; long words of letters and digits go too.

    For what a program printed: a log may hold a credential without any word that says so.
    """
    return _LONG.sub(_unless_plain, scrub(text))


def _unless_plain(word: re.Match[str]) -> str:
    letters = any(letter.isalpha() for letter in word[0])
    return HIDDEN if letters and any(letter.isdigit() for letter in word[0]) else word[0]


def scrub(text: str) -> str:
    """The text with everything that looks like a credential replaced by `***`."""
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text
