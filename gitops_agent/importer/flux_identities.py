"""Identities of signers without keys, from Flux's regular expressions.

Flux looks for an expression anywhere in the identity, an Application compares the whole of it. Expressions of letters, dots and
wildcards are translated; what is missing at their end becomes a wildcard, as it is one there. Others have no equivalent.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items

_PARTS = re.compile(r"(?P<many>\.[*+])|(?P<one>\[\^/\][*+])|\\(?P<escaped>[^A-Za-z0-9])|(?P<plain>[^\\\[\](){}*+?|^$])")
_ONE, _MANY = "*", "**"


def identities(verify: Object) -> list[Object] | None:
    """`verify.cosign.identities`; None without an equivalent.

    Args:
        verify: Flux's; one expression without an equivalent leaves all of them without.
    """
    demanded = [_identity(identity) for identity in items(verify.get("matchOIDCIdentity"))]
    translated = [identity for identity in demanded if identity is not None]
    return translated if translated and len(translated) == len(demanded) else None


def _identity(raw: Object) -> Object | None:
    issuer, subject = _pattern(str(raw.get("issuer") or "")), _pattern(str(raw.get("subject") or ""))
    if not issuer or not subject or _ONE in issuer or not urlsplit(issuer).netloc:
        return None
    if not str(raw.get("subject")).endswith("$") and not subject.endswith(_MANY):
        subject += _MANY
    if _ONE not in subject:
        return {"issuer": issuer, "subject": subject}
    host = urlsplit(subject).netloc if "://" in subject else subject.rpartition("@")[2]
    return {"issuer": issuer, "subjectPattern": subject} if host and _ONE not in host else None


def _pattern(expression: str) -> str | None:
    """What letters and wildcards match; None for another expression."""
    rest, pattern = expression.removeprefix("^").removesuffix("$"), ""
    while rest:
        part = _PARTS.match(rest)
        if part is None:
            return None
        rest = rest[part.end() :]
        pattern += _MANY if part["many"] else _ONE if part["one"] else part["escaped"] or part["plain"]
    return pattern
