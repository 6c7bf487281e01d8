"""Fills placeholders of a query: `{{variant}}`, `{{hash}}`, `{{namespace}}`.

One query serves both sides of a comparison, and the hash of a canary is not known when the query is written. Values are names
of Kubernetes, so nothing that could end a quoted text in a query language ever gets in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gitops_agent.rollout.analysis.http_query import QueryInvalid

_PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_VALUE = re.compile(r"[A-Za-z0-9._-]*")


def fill(query: str, facts: Mapping[str, str]) -> str:
    """The query with its places filled.

    Raises:
        QueryInvalid: a place has no fact, or a fact is no name.
    """

    def fact(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in facts:
            raise QueryInvalid(f"the query asks for {name!r}, there are {', '.join(sorted(facts))}")
        if not _VALUE.fullmatch(facts[name]):
            raise QueryInvalid(f"the value of {name!r} is no name and is not put into a query")
        return facts[name]

    return _PLACE.sub(fact, query)
