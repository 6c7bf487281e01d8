"""Prometheus and what speaks its API (Thanos, Mimir, VictoriaMetrics): instant queries, and ranges for comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from gitops_agent.rollout.analysis.http_query import MeasurementFailed, Query, answered, base, number

POINTS_LIMIT = 11_000
"""What Prometheus gives for one series at most."""


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


def window(
    address: str, query: str, *, start: datetime, end: datetime, step: timedelta, headers: Mapping[str, str] | None = None
) -> Query:
    """Asks for the values of a query over a window; the step is made wider where the answer would have too many points.

    Raises:
        QueryInvalid: the address cannot be used.
    """
    length = max(0.0, (end - start).total_seconds())
    seconds = max(step.total_seconds(), math.ceil(length / (POINTS_LIMIT - 1)), 1)
    fields = {"query": query, "start": _seconds(start), "end": _seconds(end), "step": f"{seconds:.3f}"}
    return _query(address, "query_range", fields, headers)


def result(status: int, body: bytes) -> float | list[float] | None:
    """The result of an instant query: a number, or a list of one number a series; None when there is no series.

    A vector with one series is its number, so that `result < 0.01` does what it says.

    Raises:
        MeasurementFailed: the answer is an error or not of this API.
    """
    sort, found = _data(status, body)
    if sort == "scalar":
        return _value(found)
    if sort == "vector" and isinstance(found, list):
        values = [_value(series.get("value") if isinstance(series, dict) else None) for series in found]
        return values[0] if len(values) == 1 else values or None
    raise MeasurementFailed(f"the query gives a {sort}; a number or a vector is needed")


def samples(status: int, body: bytes) -> list[float]:
    """The values of a range query in the order of time, NaN left out; empty when there is no series.

    Raises:
        MeasurementFailed: the answer is an error, or there is more than one series.
    """
    sort, found = _data(status, body)
    if sort != "matrix" or not isinstance(found, list):
        raise MeasurementFailed(f"the query gives a {sort}; a series over time is needed")
    if len(found) > 1:
        raise MeasurementFailed(f"the query gives {len(found)} series; add an aggregation that leaves one")
    values = found[0].get("values") if found and isinstance(found[0], dict) else []
    numbers = [_value(pair) for pair in values] if isinstance(values, list) else []
    return [value for value in numbers if not math.isnan(value)]


def _query(address: str, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None) -> Query:
    return Query(
        url=f"{base(address)}/api/v1/{path}",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **(headers or {})},
        body=urlencode(fields).encode(),
    )


def _seconds(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def _data(status: int, body: bytes) -> tuple[str, Any]:
    answer = answered(status, body)
    if not isinstance(answer, dict) or answer.get("status") != "success" or not isinstance(answer.get("data"), dict):
        said = answer.get("error") if isinstance(answer, dict) else ""
        raise MeasurementFailed(f"Prometheus gave no result: {str(said or 'the answer is not of its API')[:200]}")
    data = answer["data"]
    return str(data.get("resultType")), data.get("result")


def _value(pair: Any) -> float:
    if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004 - time and value
        raise MeasurementFailed("Prometheus gave a sample that is no pair of time and value")
    return number(pair[1])
