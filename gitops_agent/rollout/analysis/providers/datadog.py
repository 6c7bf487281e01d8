"""Datadog, query API version 1: the points of a window."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from gitops_agent.api import rollout_metrics as api
from gitops_agent.rollout.analysis.http_provider import Ask
from gitops_agent.rollout.analysis.http_query import MeasurementFailed, Query, answered, base, number

ADDRESS = "https://api.datadoghq.com"


class Datadog:
    """Provider `datadog`: the latest point of a window."""

    def ask(self, options: api.Datadog, ask: Ask) -> Query:
        """The query of one measurement."""
        return points(
            ask.fill(options.query),
            start=ask.start,
            end=ask.at,
            api_key=ask.credential("api-key"),
            app_key=ask.credential("app-key"),
            address=options.address,
        )

    def answer(self, _: api.Datadog, status: int, body: bytes) -> Any:
        """The latest point; see `result`."""
        return result(status, body)


def points(query: str, *, start: datetime, end: datetime, api_key: str, app_key: str, address: str = ADDRESS) -> Query:
    """Asks for the points of a query over a window.

    Args:
        query: in Datadog's language, e.g. `avg:trace.http.errors{service:web}`.
        start: of the window, with a time zone.
        end: of the window.
        api_key: of the organisation.
        app_key: of the application, with the right to read timeseries.
        address: of the site (`https://api.datadoghq.eu` and so on).

    Raises:
        QueryInvalid: the address cannot be used.
    """
    fields = {"query": query, "from": int(start.timestamp()), "to": int(end.timestamp())}
    return Query(
        url=f"{base(address)}/api/v1/query?{urlencode(fields)}",
        headers={"Accept": "application/json", "DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key},
    )


def result(status: int, body: bytes) -> float | None:
    """The latest point with a value; None when there is none.

    Raises:
        MeasurementFailed: the answer is an error, or there is more than one series.
    """
    values = samples(status, body)
    return values[-1] if values else None


def samples(status: int, body: bytes) -> list[float]:
    """The values of the window, oldest first, without empty points.

    Raises:
        MeasurementFailed: the answer is an error, or there is more than one series.
    """
    answer = answered(status, body)
    if not isinstance(answer, dict):
        raise MeasurementFailed("Datadog's answer is not of its query API")
    if answer.get("status") == "error" or answer.get("error") or answer.get("errors"):
        raise MeasurementFailed("Datadog refuses the query; its own metrics explorer says why")
    series = answer.get("series")
    if not isinstance(series, list):
        raise MeasurementFailed("Datadog's answer has no series")
    if len(series) > 1:
        raise MeasurementFailed(f"the query gives {len(series)} series; add an aggregation that leaves one")
    pairs = series[0].get("pointlist") if series and isinstance(series[0], dict) else []
    numbers = [_value(pair) for pair in pairs] if isinstance(pairs, list) else []
    return [value for value in numbers if not math.isnan(value)]


def _value(pair: Any) -> float:
    if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004 - time and value
        raise MeasurementFailed("Datadog gave a point that is not a pair of time and value")
    return number(pair[1])
