"""JSON over HTTP: a path into the answer names the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from gitops_agent.api import rollout_metrics as api
from gitops_agent.rollout.analysis.http_provider import Ask
from gitops_agent.rollout.analysis.http_query import Query, QueryInvalid, answered, base
from gitops_agent.rollout.analysis.json_path import at, steps

METHODS = ("GET", "POST", "PUT")


class Web:
    """Provider `http`: one GET, and a JSON pointer into the answer."""

    def ask(self, options: api.Web, ask: Ask) -> Query:
        """The GET of one measurement."""
        return page(ask.fill(options.address), headers=ask.authorization)

    def answer(self, options: api.Web, status: int, body: bytes) -> Any:
        """The value at the pointer; see `result`."""
        return result(status, body, path=options.value)


def page(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: Any = None) -> Query:
    """The request for an address, which may have a query string.

    Args:
        url: absolute.
        method: GET, POST or PUT.
        headers: of authentication, say.
        body: a JSON value; not with GET.

    Raises:
        QueryInvalid: the address or method cannot be used.
    """
    address, _, fragment = url.partition("#")
    base(address.partition("?")[0])
    if fragment or not urlsplit(url).hostname:
        raise QueryInvalid("the provider's address has a fragment")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise QueryInvalid("the provider's address holds a blank")
    if method not in METHODS:
        raise QueryInvalid(f"the method {method!r} is none of {', '.join(METHODS)}")
    if method == "GET" and body is not None:
        raise QueryInvalid("a GET has no body")
    sent = {"Accept": "application/json", **({"Content-Type": "application/json"} if body is not None else {})}
    return Query(url=url, method=method, headers={**sent, **(headers or {})}, body=b"" if body is None else orjson.dumps(body))


def result(status: int, body: bytes, *, path: str = "") -> Any:
    """What lies at the path; None when there is nothing.

    Raises:
        MeasurementFailed: the answer is no success or no JSON.
        QueryInvalid: the path cannot be read.
    """
    return at(answered(status, body), steps(path))
