"""Instant queries of Prometheus and its API (Thanos, Mimir, VictoriaMetrics).

Decision: a query is a GET, which is what a proxy that lets only readers through takes. One whose address would be too long for
servers and proxies is a POST, which this API takes for the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from gitops_agent.api import rollout_metrics as api
from gitops_agent.rollout.analysis.http_provider import Ask
from gitops_agent.rollout.analysis.http_query import MeasurementFailed, Query, answered, base, number

_SORTS = frozenset({"matrix", "scalar", "string", "vector"})
_REFUSED = frozenset({400, 422})

_LONGEST_URL = 2000
"""Characters that every server and proxy takes."""


class Prometheus:
    """Provider `prometheus`: one instant query."""

    def ask(self, options: api.Prometheus, ask: Ask) -> Query:
        """The instant query of one measurement."""
        return instant(options.address, ask.fill(options.query), at=ask.at, headers=ask.authorization)

    def answer(self, _: api.Prometheus, status: int, body: bytes) -> Any:
        """The result of the query; see `result`."""
        return result(status, body)


def instant(address: str, query: str, *, at: datetime, headers: Mapping[str, str] | None = None) -> Query:
    """Asks for the value of a query at a moment.

    Args:
        address: where Prometheus is, with the path in front of `/api` if there is one.
        query: PromQL.
        at: with a time zone.
        headers: of authentication.

    Raises:
        QueryInvalid: the address cannot be used.
    """
    return _query(address, "query", {"query": query, "time": _seconds(at)}, headers)


def result(status: int, body: bytes) -> float | list[float] | None:
    """The number of an instant query, or one for each series.

    None when there is no series.

    A vector with one series is its number, so that `result < 0.01` does what it says.

    Raises:
        MeasurementFailed: the answer is an error or not of this API.
    """
    sort, data = _data(status, body)
    if sort == "scalar":
        return _value(data)
    if sort == "vector" and isinstance(data, list):
        values = [_value(series.get("value") if isinstance(series, dict) else None) for series in data]
        return values[0] if len(values) == 1 else values or None
    given = f"a {sort}" if sort in _SORTS else "something else"
    raise MeasurementFailed(f"the query gives {given}; a number or a vector is needed")


def _query(address: str, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None) -> Query:
    url, form = f"{base(address)}/api/v1/{path}", urlencode(fields)
    accepting = {"Accept": "application/json", **(headers or {})}
    if len(url) + len(form) < _LONGEST_URL:
        return Query(url=f"{url}?{form}", headers=accepting)
    accepting = {"Content-Type": "application/x-www-form-urlencoded", **accepting}
    return Query(url=url, method="POST", headers=accepting, body=form.encode())


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def _data(status: int, body: bytes) -> tuple[str, Any]:
    if status in _REFUSED:
        raise MeasurementFailed(f"Prometheus refuses the query ({status}); its own console says why", status=status)
    answer = answered(status, body)
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise MeasurementFailed("Prometheus gave an error instead of a result; its own console says which")
    if not isinstance(answer, dict) or answer.get("status") != "success" or not isinstance(answer.get("data"), dict):
        raise MeasurementFailed("Prometheus gave no result: the answer is not of its API")
    data = answer["data"]
    return str(data.get("resultType")), data.get("result")


def _value(pair: Any) -> float:
    if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004 - time and value
        raise MeasurementFailed("Prometheus gave a sample that is not a pair of time and value")
    return number(pair[1])
